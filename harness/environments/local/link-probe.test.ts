import t from 'tap'
import { LinkProber } from './link-probe.ts'

t.test('of very many datagrams none is lost on the way: they do not all come at once', async (t) => {
  const prober = await LinkProber.open('127.0.0.1')
  t.teardown(() => prober.close())
  // Doors that lead straight to the echo.
  const doors = Array.from({ length: 40 }, () => prober.echo)
  const { datagrams } = await prober.measure({ streams: [], datagrams: doors }, 60, 100, 1000)
  t.match(datagrams, { sent: 2400, arrived: 2400, links: 40, copies: 0, spoiled: 0 })
})
