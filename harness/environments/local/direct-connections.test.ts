import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { directlyDialled } from './direct-connections.ts'

t.test('only what another process has dialled counts', { skip: process.platform === 'linux' ? false : 'reads /proc' }, async (t) => {
  const server = createServer((socket) => { socket.on('error', () => {}); t.teardown(() => socket.destroy()) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const endpoint = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  t.same(directlyDialled([endpoint]), [])
  const own = connect(endpoint)
  t.teardown(() => own.destroy())
  await once(server, 'connection')
  t.same(directlyDialled([endpoint]), [], 'our own connection is a proxy\'s')
  const other = spawn(process.execPath, ['-e', `require('net').connect(${endpoint.port}, '127.0.0.1')`], { stdio: 'ignore', env: {} })
  t.teardown(() => other.kill('SIGKILL'))
  await once(server, 'connection')
  t.same(directlyDialled([endpoint, { ...endpoint, port: endpoint.port ^ 1 }]), [endpoint])
})
