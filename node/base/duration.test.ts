import t from 'tap'
import { parseDurationNs } from './duration.ts'

t.test('durations as Go reads them', async (t) => {
  const table: [string, number | null][] = [
    ['10s', 10e9], ['1h2m3.5s', 3723.5e9], ['200ms', 2e8], ['.5s', 5e8], ['1.s', 1e9], ['-2s', -2e9], ['+3m', 180e9],
    ['7us', 7e3], ['7µs', 7e3], ['1ns', 1], ['0', 0], ['-0', 0], ['0s', 0], ['24h', 86_400e9], ['1.5ns', 1],
    ['', null], ['10', null], ['s', null], ['.s', null], ['abc', null], ['1 s', null], ['1d', null], ['10s ', null], ['300000000h', null],
  ]
  for (const [text, ns] of table) t.equal(parseDurationNs(text), ns, text)
})
