import t from 'tap'
import type { Log } from '../base/log.ts'
import { CatalogTable } from '../state/catalog.ts'
import { decodeCommand } from '../state/commands.ts'
import { registration, sampleCheck, sampleNode } from '../state/testing/catalog-samples.ts'
import { VirtualTime } from '../testing/virtual-cluster.ts'
import { nodeAddresses, ServerRegistrar } from './server-registrar.ts'

function running(table: CatalogTable, leads = true) {
  const time = new VirtualTime()
  const warnings: string[] = []
  let writes = 0
  let index = 100
  const log: Log = { debug() {}, info() {}, error() {}, warn: (message) => { warnings.push(message) } }
  const registrar = new ServerRegistrar({
    catalog: table, scheduler: time, log, isLeader: () => leads,
    servers: () => [{ id: 'id-1', name: 'n1', address: '10.0.0.1:8300' }],
    awaitRead: (_mode, done) => done({ kind: 'ready' }),
    write: (bytes, done) => {
      writes++
      const command = decodeCommand(bytes)
      if (command.kind !== 'catalog-register') throw new Error(command.kind)
      const outcome = table.register(++index, command)
      done(outcome.kind === 'refused' ? { kind: 'invalid', problem: outcome.problem } : { kind: 'applied', index, succeeded: true })
    },
  })
  registrar.roleChanged()
  time.run(10_000)
  return { time, warnings, writes: () => writes, registrar }
}

t.test('a failed serfHealth is left as it is: who knows of failures is another', async (t) => {
  const table = new CatalogTable()
  table.register(1, registration(sampleNode('n1', { id: 'id-1', address: '10.0.0.9' }), null, [sampleCheck('serfHealth', { status: 'critical' })]))
  running(table)
  t.match(table.node('n1').value, { node: { address: '10.0.0.1' }, services: [{ id: 'consul', port: 8300 }] })
  t.match(table.nodeChecks('n1').value, [{ status: 'critical' }])
})

t.test('a name that another node has is reported once a minute, not tried without end', async (t) => {
  const table = new CatalogTable()
  table.register(1, registration(sampleNode('n1', { id: 'id-2' })))
  const { time, warnings, writes } = running(table)
  time.run(115_000)
  t.equal(warnings.length, 3)
  t.equal(writes(), 3)
})

t.test('a follower writes nothing', async (t) => {
  const table = new CatalogTable()
  t.equal(running(table, false).writes(), 0)
  t.same(table.nodes().value, [])
})

t.test('addresses by family', async (t) => {
  t.same(nodeAddresses('10.0.0.1'), { lan: '10.0.0.1', lan_ipv4: '10.0.0.1', wan: '10.0.0.1', wan_ipv4: '10.0.0.1' })
  t.same(nodeAddresses('fd00::1'), { lan: 'fd00::1', lan_ipv6: 'fd00::1', wan: 'fd00::1', wan_ipv6: 'fd00::1' })
  t.same(nodeAddresses('host'), { lan: 'host', wan: 'host' })
})
