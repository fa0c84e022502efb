/** Which servers Raft should have, given gossip. */
import fc from 'fast-check'
import t from 'tap'
import type { Configuration, Server } from '../raft/entry.ts'
import type { ClusterMember } from './cluster-member.ts'
import { planRaft } from './raft-plan.ts'

const member = (name: string, more: { id?: string, address?: string, status?: ClusterMember['status'], bootstrap?: boolean } = {}): ClusterMember => {
  const address = more.address ?? `${name}:8300`
  return { name, id: more.id ?? `id-${name}`, host: address.split(':')[0]!, status: more.status ?? 'alive', server: { address, port: 8300, version: '1', raftVersion: 3, bootstrap: more.bootstrap ?? false } }
}
const raft = (name: string, more: Partial<Server> = {}): Server => ({ id: `id-${name}`, name, address: `${name}:8300`, ...more })
const three: Configuration = { voters: [raft('n1'), raft('n2'), raft('n3')] }
const plan = (members: readonly ClusterMember[], configuration = three) => planRaft({ configuration, members, selfId: 'id-n1' })?.change ?? null

t.test('who comes and who goes', async (t) => {
  const all = [member('n1'), member('n2'), member('n3')]
  t.equal(plan(all), null)
  t.match(plan([...all, member('n4')]), { kind: 'add', server: raft('n4') })
  t.equal(plan([...all, { ...member('c1'), server: null }]), null, 'a client agent')
  t.match(plan([member('n1'), member('n2'), member('n3', { status: 'left' })]), { kind: 'remove', id: 'id-n3' })
  t.equal(plan([member('n1'), member('n2'), member('n3', { status: 'failed' })]), null, 'failed is autopilot\'s to judge')
  t.equal(plan([member('n1', { status: 'left' }), member('n2'), member('n3')]), null, 'the leader itself')
  t.equal(plan([...all, member('n4')], { voters: [] }), null, 'before there is a cluster')
})

t.test('another id at an address: its former holder goes first, unless it lives elsewhere', async (t) => {
  const fresh = member('n3', { id: 'fresh' })
  t.match(plan([member('n1'), member('n2'), fresh]), { kind: 'remove', id: 'id-n3' })
  t.match(plan([member('n1'), member('n2'), fresh], { voters: three.voters.slice(0, 2) }), { kind: 'add', server: { id: 'fresh', address: 'n3:8300' } })
  const moved = member('n3b', { id: 'id-n3', address: 'elsewhere:8300' })
  t.match(plan([member('n1'), member('n2'), fresh, moved]), { kind: 'add', server: { id: 'id-n3', address: 'elsewhere:8300' } }, 'it has moved, and is not removed')
  const swapped = [member('n1'), member('n2', { address: 'n3:8300' }), member('n3', { address: 'n2:8300' })]
  t.match(plan(swapped), { kind: 'add', server: { id: 'id-n2', address: 'n3:8300' } })
  t.match(plan(swapped, { voters: [raft('n1'), raft('n2', { address: 'n3:8300' }), raft('n3')] }), { kind: 'add', server: { id: 'id-n3', address: 'n2:8300' } })
  t.equal(plan([member('n1'), member('n2'), member('n3'), member('x', { address: 'n1:8300' })]), null, 'nobody takes the leader\'s place')
})

t.test('of several that were started to bootstrap, none is taken into the other\'s cluster', async (t) => {
  const boot = (name: string) => member(name, { bootstrap: true })
  t.equal(plan([boot('n1'), boot('n4')], { voters: [raft('n1')] }), null)
  t.match(plan([boot('n1'), member('n4')], { voters: [raft('n1')] }), { kind: 'add' })
  t.match(plan([member('n1'), boot('n4')], { voters: [raft('n1')] }), { kind: 'add' })
  t.equal(plan([boot('n1'), boot('n2'), member('n3')]), null, 'who is in it already stays')
})

t.test('an id that two live members claim is not believed', async (t) => {
  t.equal(plan([member('n1'), member('n2'), member('n3'), member('copy', { id: 'id-n3' })]), null)
  t.equal(plan([member('n1'), member('n2'), member('n3', { status: 'left' }), member('back', { id: 'id-n3', address: 'n3:8300' })])?.kind, 'add', 'one of another name that is back is not removed for what it was')
})

t.test('step by step it comes to an end, never removes who is alive under its id, and ends with all that live', async () => {
  const anyMember = fc.record({
    name: fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5'), id: fc.constantFrom('id-n1', 'id-n2', 'id-n3', 'id-n4', 'fresh-1', 'fresh-2'),
    address: fc.constantFrom('n1:8300', 'n2:8300', 'n3:8300', 'n4:8300', 'x:8300'), status: fc.constantFrom('alive', 'failed', 'left', 'leaving') as fc.Arbitrary<ClusterMember['status']>,
  }).map(({ name, ...more }) => member(name, more))
  fc.assert(fc.property(fc.uniqueArray(anyMember, { selector: ({ name }) => name, maxLength: 5 }), (others) => {
    const members = [member('n1'), ...others.filter(({ name }) => name !== 'n1')]
    const alive = members.filter(({ status }) => status === 'alive')
    let configuration = three
    for (let steps = 0; steps < 30; steps++) {
      const step = planRaft({ configuration, members, selfId: 'id-n1' })
      if (step === null) {
        const servers = configuration.voters
        const addresses = alive.map(({ server }) => server!.address)
        // Where each live member has an id and an address of its own, all of them are in it.
        const clear = new Set(alive.map(({ id }) => id)).size === alive.length && new Set(addresses).size === alive.length
        return servers.some(({ id }) => id === 'id-n1') && (!clear || alive.every(({ id, server }) => servers.some((one) => one.id === id && one.address === server!.address)))
      }
      const { change } = step
      if (change.kind === 'remove') {
        if (change.id === 'id-n1' || alive.some(({ id }) => id === change.id)) return false
        configuration = { voters: configuration.voters.filter(({ id }) => id !== change.id) }
      } else {
        configuration = { voters: [...configuration.voters.filter(({ id }) => id !== change.server.id), change.server] }
      }
    }
    return false
  }), { numRuns: 3000 })
})
