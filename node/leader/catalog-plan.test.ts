/** What must be written, given members and catalog. */
import fc from 'fast-check'
import t from 'tap'
import { encodeCommand } from '../state/commands.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import { StateMachine } from '../state/state-machine.ts'
import { planCatalog, serfCheckId, serfHealth } from './catalog-plan.ts'
import type { ClusterMember } from './cluster-member.ts'

const client = (name: string, status: ClusterMember['status'] = 'alive', id = `id-${name}`): ClusterMember => ({ name, id, host: `host-${name}`, status, server: null })
const server = (name: string, status: ClusterMember['status'] = 'alive', id = `id-${name}`, version = '1.0.0'): ClusterMember =>
  ({ name, id, host: `host-${name}`, status, server: { address: `host-${name}:8300`, port: 8300, version, raftVersion: 3, bootstrap: false } })

class Catalog {
  readonly state = new StateMachine()
  #index = 0

  apply(commands: readonly CatalogCommand[]): void {
    for (const command of commands) {
      const result = this.state.apply(++this.#index, encodeCommand(command))
      if (result.kind === 'invalid') throw new Error(result.problem)
    }
  }

  plan(members: readonly ClusterMember[], voters = ['id-s1'], self = 's1'): CatalogCommand[] {
    return planCatalog({ members, catalog: this.state.catalog, self, voters })
  }

  status(node: string): string | undefined {
    return this.state.catalog.nodeChecks(node).value.find(({ checkId }) => checkId === serfCheckId)?.status
  }

  get nodes(): string[] {
    return this.state.catalog.nodes().value.map(({ name }) => name)
  }
}

t.test('each status, as Consul\'s leader handles it', async (t) => {
  const catalog = new Catalog()
  catalog.apply(catalog.plan([server('s1'), client('c1')]))
  t.match(catalog.state.catalog.node('s1').value, { node: { id: 'id-s1', address: 'host-s1', taggedAddresses: null }, services: [{ id: 'consul', port: 8300, meta: { version: '1.0.0', raft_version: '3', non_voter: 'false' } }] })
  t.match(catalog.state.catalog.node('c1').value?.services, [])
  t.same([catalog.status('s1'), catalog.status('c1')], ['passing', 'passing'])
  t.same(catalog.plan([server('s1'), client('c1')]), [], 'what is right stays')

  catalog.apply(catalog.plan([server('s1'), client('c1', 'failed')]))
  t.match(catalog.state.catalog.nodeChecks('c1').value, [{ status: 'critical', output: 'Agent not live or unreachable' }])
  t.same(catalog.plan([server('s1'), client('c1', 'failed'), client('c9', 'failed')]), [], 'a failed member that was never entered is not entered now')
  t.same(catalog.plan([server('s1'), client('c1', 'leaving')]), [])
  catalog.apply(catalog.plan([server('s1'), client('c1', 'left')]))
  t.same(catalog.nodes, ['s1'])
})

t.test('a new version of a server is entered; what the agent said of its node stays', async (t) => {
  const catalog = new Catalog()
  catalog.apply(catalog.plan([server('s1')]))
  catalog.apply([{ kind: 'catalog-register', skipNodeUpdate: false, node: { name: 's1', id: 'id-s1', address: 'other', taggedAddresses: { lan: 'x' }, meta: { rack: '1' } }, service: null, checks: [] }])
  t.same(catalog.plan([server('s1')]), [])
  catalog.apply(catalog.plan([server('s1', 'alive', 'id-s1', '1.1.0')]))
  t.match(catalog.state.catalog.node('s1').value, { node: { address: 'other', meta: { rack: '1' } }, services: [{ meta: { version: '1.1.0' } }] })
})

t.test('another id under the same name: the old one goes with all it had', async (t) => {
  const catalog = new Catalog()
  catalog.apply(catalog.plan([server('s1'), client('c1')]))
  catalog.apply([{ kind: 'catalog-register', skipNodeUpdate: true, node: { name: 'c1', id: 'id-c1', address: 'x', taggedAddresses: null, meta: null },
    service: { id: 'web', name: 'web', tags: [], address: '', taggedAddresses: null, port: 1, meta: null, weights: { passing: 1, warning: 1 }, enableTagOverride: false }, checks: [] }])
  t.same(catalog.plan([server('s1'), client('c1', 'left', 'older-id')]), [], 'what is said of the former bearer of a name is not said of this one')
  catalog.apply(catalog.plan([server('s1'), client('c1', 'alive', 'newer-id')]))
  t.match(catalog.state.catalog.node('c1').value, { node: { id: 'newer-id' }, services: [] })
})

t.test('reaped members go; never the leader, voters, or nodes without serfHealth; and nobody while gossip knows too few', async (t) => {
  const catalog = new Catalog()
  catalog.apply(catalog.plan([server('s1'), server('s2'), server('s3'), client('c1')]))
  catalog.apply([{ kind: 'catalog-register', skipNodeUpdate: false, node: { name: 'external', id: '', address: 'x', taggedAddresses: null, meta: null }, service: null, checks: [] }])
  const voters = ['id-s1', 'id-s2', 'id-s3']
  t.same(catalog.plan([server('s1')], voters), [], 'alone')
  t.match(catalog.plan([server('s1'), server('s2')], voters), [{ kind: 'catalog-deregister', node: 'c1' }])
  t.equal(catalog.plan([server('s1'), server('s2')], voters).length, 1)
})

t.test('from any catalog, one round makes it right and the next writes nothing', async () => {
  const names = ['s1', 's2', 'c1', 'c2', 'c3']
  const statuses = ['alive', 'failed', 'left', 'leaving'] as const
  const anyMember = (name: string) => fc.record({ status: fc.constantFrom(...statuses), id: fc.constantFrom(`id-${name}`, `new-${name}`) })
    .map(({ status, id }) => name.startsWith('s') ? server(name, name === 's1' ? 'alive' : status, name === 's1' ? 'id-s1' : id) : client(name, status, id))
  const anyMembers = fc.tuple(...names.map((name) => fc.option(anyMember(name), { nil: null, freq: name === 's1' ? 1000 : 4 })))
    .map((members) => members.filter((member) => member !== null)).filter((members) => members.some(({ name }) => name === 's1'))
  fc.assert(fc.property(fc.array(anyMembers, { minLength: 1, maxLength: 5 }), fc.array(fc.constantFrom(...names), { maxLength: 3 }), (rounds, meddled) => {
    const catalog = new Catalog()
    for (const members of rounds) {
      // Somebody changes what is the leader's to say.
      for (const node of meddled) {
        if (catalog.nodes.includes(node)) catalog.apply([{ kind: 'catalog-register', skipNodeUpdate: true, node: { name: node, id: '', address: '', taggedAddresses: null, meta: null }, service: null, checks: [serfHealth('critical')] }])
      }
      catalog.apply(catalog.plan(members))
      if (catalog.plan(members).length > 0) return false
      for (const { name, status, id } of members) {
        if (status === 'alive' && (catalog.status(name) !== 'passing' || catalog.state.catalog.node(name).value?.node.id !== id)) return false
        if (status === 'failed' && catalog.state.catalog.node(name).value?.node.id === id && catalog.status(name) !== 'critical') return false
        if (status === 'left' && catalog.state.catalog.node(name).value?.node.id === id) return false
      }
      if (catalog.nodes.some((node) => !members.some(({ name }) => name === node))) return false
    }
    return true
  }), { numRuns: 500 })
})
