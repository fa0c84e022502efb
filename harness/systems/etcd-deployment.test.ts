import t from 'tap'
import type { AskableMember, LaunchedMember } from '../environments/deployment.ts'
import type { HttpOutcome } from '../environments/environment.ts'
import { etcdDeployment } from './etcd-deployment.ts'
import { etcdMembership } from './etcd-membership.ts'

const respond = (status: number, body: unknown): HttpOutcome => ({ kind: 'response', status, headers: {}, body: new TextEncoder().encode(JSON.stringify(body)) })
const everyone = ['n1', 'n2', 'n3', 'n4'].map((name, i) => ({ name, address: `10.0.0.${i + 1}` }))
const launched = (name: string, config = {}): LaunchedMember => ({
  name, address: everyone.find((one) => one.name === name)!.address, founders: everyone.slice(0, 3), everyone, dataDirectory: '/data', configFile: '/etc/member.json', config,
})
const config = (launch: { config: string }) => JSON.parse(launch.config) as Record<string, unknown>

/** As much of etcd's cluster API as is asked; `refusals` of the first changes. */
function cluster(members: { ID: string, name?: string, peerURLs: string[] }[], refusals: HttpOutcome[] = []) {
  const changes: string[] = []
  const other: AskableMember = {
    name: 'n1', address: '10.0.0.1',
    async request({ target, body }) {
      const asked = JSON.parse(String(body)) as { ID?: string, peerURLs?: string[] }
      if (target === '/v3/cluster/member/list') return respond(200, { header: {}, members })
      changes.push(`${target.split('/').at(-1)} ${asked.ID ?? asked.peerURLs?.join()}`)
      const refusal = refusals.shift()
      if (refusal !== undefined) return refusal
      if (target.endsWith('/remove')) members.splice(members.findIndex(({ ID }) => ID === asked.ID), 1)
      else members.push({ ID: '99', peerURLs: asked.peerURLs! })
      return respond(200, { header: {}, members })
    },
  }
  return { other, changes }
}

t.test('founders begin a cluster; what a run adds to their config wins', async (t) => {
  const launch = etcdDeployment.launch(launched('n2', { 'snapshot-count': 60, logger: 'capnslog' }))
  t.same(launch.command, ['/usr/local/bin/etcd', '--config-file', '/etc/member.json'])
  t.match(config(launch), {
    name: 'n2', 'initial-cluster-state': 'new', 'initial-cluster': 'n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,n3=http://10.0.0.3:2380', 'snapshot-count': 60, logger: 'capnslog',
  })
})

t.test('one that lost its disk is let in as a new one, its old self taken out before', async (t) => {
  const { other, changes } = cluster([{ ID: '1', name: 'n1', peerURLs: ['http://10.0.0.1:2380'] }, { ID: '2', name: 'n2', peerURLs: ['http://10.0.0.2:2380'] }])
  const launch = await etcdDeployment.admit!(launched('n2'), [other])
  t.same(changes, ['remove 2', 'add http://10.0.0.2:2380'])
  t.match(config(launch), { 'initial-cluster-state': 'existing', 'initial-cluster': 'n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380' })
})

t.test('a spare is added; while the others are not settled it is asked again', async (t) => {
  const unhealthy = respond(503, { error: 'etcdserver: unhealthy cluster', code: 14 })
  const { other, changes } = cluster([{ ID: '1', name: 'n1', peerURLs: ['http://10.0.0.1:2380'] }], [unhealthy, unhealthy])
  const launch = await etcdDeployment.admit!(launched('n4'), [other])
  t.same(changes, Array.from({ length: 3 }, () => 'add http://10.0.0.4:2380'))
  t.match(config(launch), { 'initial-cluster': 'n1=http://10.0.0.1:2380,n4=http://10.0.0.4:2380' })
})

t.test('what a change that is not confirmed may mean', async (t) => {
  const remove = (outcome: HttpOutcome) => etcdMembership.remove(async () => outcome, '7')
  t.same(await remove(respond(200, {})), { done: true })
  for (const reason of ['etcdserver: member not found', 'etcdserver: re-configuration failed due to not enough started members']) {
    t.match(await remove(respond(503, { error: reason })), { done: false, mayFollow: false }, reason)
  }
  t.match(await remove({ kind: 'not-sent', error: 'refused' }), { done: false, mayFollow: false })
  for (const outcome of [respond(503, { error: 'etcdserver: request timed out' }), { kind: 'lost', error: 'reset' } as const]) t.match(await remove(outcome), { done: false, mayFollow: true })
})

t.test('nobody is removed before the others are settled, and then at once', async (t) => {
  const refusals = [respond(503, { error: 'etcdserver: unhealthy cluster' })]
  let asked = 0
  t.same(await etcdMembership.remove(async () => (asked++, refusals.shift() ?? respond(200, {})), '7'), { done: true })
  t.equal(asked, 2)
})

t.test('who belongs to it: one that was added and never started has no name; learners do not vote', async (t) => {
  const members = [{ ID: '1', name: 'n1', peerURLs: [] }, { ID: '2' }, { ID: '3', name: 'n3', isLearner: true }]
  t.same(await etcdMembership.servers(async () => respond(200, { members })), [{ id: '1', name: 'n1', votes: true }, { id: '2', name: '', votes: true }, { id: '3', name: 'n3', votes: false }])
  t.equal(await etcdMembership.servers(async () => respond(503, {})), null)
  t.equal(await etcdMembership.ownId(async () => respond(200, { header: { member_id: '5' }, leader: '5' })), '5')
})
