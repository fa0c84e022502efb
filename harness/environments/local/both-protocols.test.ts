import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { listenForBoth } from './both-protocols.ts'

const host = '127.0.0.1'

t.test('another port is tried where datagrams find theirs taken', async (t) => {
  const inTheWay = createSocket('udp4').bind(0, host)
  await once(inTheWay, 'listening')
  const server = createServer()
  const datagrams = createSocket('udp4')
  t.teardown(() => { inTheWay.close(); server.close(); datagrams.close() })
  // The system is made to give the port that is taken for datagrams first.
  const listen = server.listen.bind(server)
  let tries = 0
  server.listen = ((options: object) => listen(++tries === 1 ? { ...options, port: inTheWay.address().port } : options)) as typeof server.listen

  const port = await listenForBoth(host, server, datagrams)
  t.equal(tries, 2)
  t.not(port, inTheWay.address().port)
  t.equal((server.address() as AddressInfo).port, port)
  t.equal(datagrams.address().port, port)
})
