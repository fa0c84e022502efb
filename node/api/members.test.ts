import t from 'tap'
import type { JoinOutcome } from '../gossip/gossip-driver.ts'
import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { forceLeave, joinMember, leaveCluster, listMembers, serverTags, type GossipApi } from './members.ts'

const tags = serverTags({ id: 'id-1', datacenter: 'dc1', version: '1.2.3', bootstrapExpect: 3, address: '10.0.0.1:8300' })

function ask(gossip: Partial<GossipApi> | null, run: (context: ApiContext, respond: (response: ApiResponse) => void) => void): { status: number, body: string, left: boolean } {
  let answer: ApiResponse | null = null
  let left = false
  run({ gossip, leave: gossip?.leave, onLeft: () => { left = true } } as unknown as ApiContext, (response) => { answer = response })
  const { status, body } = answer as unknown as ApiResponse
  return { status, body: String(body), left }
}

const joining = (outcome: JoinOutcome): Partial<GossipApi> => ({ join: (_addresses, done) => done(outcome) })

t.test('members with every status, as Consul numbers them', async (t) => {
  const views = (['alive', 'leaving', 'left', 'failed'] as const).map((status, i) => ({
    name: `n${i}`, address: i === 0 ? '[::1]:8301' : `10.0.0.${i}:8301`, tags, incarnation: 1, state: 'alive' as const, status,
  }))
  const listed = listMembers({ gossip: { members: () => views } } as unknown as ApiContext) as { Status: number, Addr: string, Port: number }[]
  t.same(listed.map(({ Status, Addr, Port }) => [Status, Addr, Port]), [[1, '::1', 8301], [2, '10.0.0.1', 8301], [3, '10.0.0.2', 8301], [4, '10.0.0.3', 8301]])
  t.match(listed[0], { Name: 'n0', Tags: { role: 'consul', dc: 'dc1', port: '8300', id: 'id-1' }, ProtocolCur: 2, DelegateCur: 4 })
  t.ok(Object.values(tags).every((value) => typeof value === 'string'))
})

t.test('joining tells why it failed in Go\'s words', async (t) => {
  t.match(ask(joining({ contacted: ['a:8301'], failed: [] }), (context, respond) => joinMember(context, 'a', respond)), { status: 200, body: '' })
  t.match(ask(joining({ contacted: [], failed: [{ address: '127.0.0.9:8301', reason: 'connect ECONNREFUSED 127.0.0.9:8301' }] }), (context, respond) => joinMember(context, '127.0.0.9', respond)), {
    status: 500, body: '1 error occurred:\n\t* Failed to join 127.0.0.9: dial tcp 127.0.0.9:8301: connect: connection refused\n\n',
  })
})

t.test('force-leave and leave', async (t) => {
  t.match(ask({ forceLeave: (name, prune) => name === 'n2' && prune ? { ok: true } : { ok: false, error: '' } }, (context, respond) => forceLeave(context, 'n2', true, respond)), { status: 200, body: '' })
  t.match(ask({ forceLeave: () => ({ ok: false, error: '' }) }, (context, respond) => forceLeave(context, 'x', false, respond)), { status: 500, body: 'agent: No node found with name \'x\'' })
  t.match(ask({ leave: (done) => done() }, leaveCluster), { status: 200, body: '', left: true })
})

t.test('a member without gossip says so', async (t) => {
  for (const run of [leaveCluster, (context: ApiContext, respond: (response: ApiResponse) => void) => joinMember(context, 'a', respond)]) {
    t.match(ask(null, run), { status: 500, body: /-serf-lan-port/, left: false })
  }
})
