/** Autopilot's arithmetic, and that no cleanup ever costs the quorum. */
import fc from 'fast-check'
import t from 'tap'
import { autopilotDefaults, type AutopilotConfig } from '../state/autopilot-config.ts'
import { clusterHealth, judge, planCleanup, promotable, type ServerHealth, type ServerReading } from './autopilot.ts'

const reading = (id: string, more: Partial<ServerReading> = {}): ServerReading => ({
  id, name: id, address: `${id}:8300`, serfStatus: 'alive', version: '1.0.0', isLeader: id === 'n1', isVoter: true, lastContactMs: id === 'n1' ? 0 : 50, lastIndex: 1000, lastTerm: 3, ...more,
})
const health = (id: string, more: Partial<ServerHealth> = {}): ServerHealth => ({ ...reading(id, more), healthy: true, stableSinceMs: 0, ...more })

t.test('who is healthy, by each of the thresholds', async (t) => {
  const table: readonly [string, Partial<ServerReading>, boolean][] = [
    ['as it should be', {}, true], ['just in time', { lastContactMs: 200 }, true], ['not heard from', { lastContactMs: 201 }, false],
    ['a little behind', { lastIndex: 750 }, true], ['too far behind', { lastIndex: 749 }, false],
    ['of another term', { lastTerm: 2 }, false], ['failed', { serfStatus: 'failed' }, false], ['unknown to gossip', { serfStatus: 'none' }, false], ['leaving', { serfStatus: 'leaving' }, false],
  ]
  for (const [what, more, wanted] of table) t.equal(judge([reading('n1'), reading('n2', more)], [], autopilotDefaults, 0)[1]!.healthy, wanted, what)
})

t.test('health is stable since it last changed', async (t) => {
  const first = judge([reading('n1'), reading('n2')], [], autopilotDefaults, 1000)
  const second = judge([reading('n1'), reading('n2')], first, autopilotDefaults, 3000)
  const third = judge([reading('n1'), reading('n2', { lastContactMs: 500 })], second, autopilotDefaults, 5000)
  t.same([first, second, third].map((servers) => servers.map(({ stableSinceMs }) => stableSinceMs)), [[1000, 1000], [1000, 1000], [1000, 5000]])
})

t.test('a newcomer votes when it was healthy for the stabilization time', async (t) => {
  const newcomer = health('n4', { isVoter: false, stableSinceMs: 1000 })
  t.same(promotable([health('n1'), newcomer], autopilotDefaults, 10_999), [])
  t.same(promotable([health('n1'), newcomer], autopilotDefaults, 11_000), ['n4'])
  t.same(promotable([health('n1'), { ...newcomer, healthy: false }], autopilotDefaults, 60_000), [])
})

t.test('failure tolerance counts healthy voters beyond the quorum', async (t) => {
  const five = ['n1', 'n2', 'n3', 'n4', 'n5'].map((id) => health(id))
  t.same(clusterHealth(five), { healthy: true, failureTolerance: 2 })
  t.same(clusterHealth(five.map((server, i) => ({ ...server, healthy: i > 0 }))), { healthy: false, failureTolerance: 1 })
  t.same(clusterHealth(five.map((server, i) => ({ ...server, healthy: i > 3 }))), { healthy: false, failureTolerance: 0 })
  t.same(clusterHealth([]), { healthy: false, failureTolerance: 0 })
})

t.test('one of three may go, two of three may not; nor below min_quorum, nor when it is off', async (t) => {
  const servers = ['n1', 'n2', 'n3'].map((id) => health(id))
  const plan = (failed: string[], more: Partial<AutopilotConfig> = {}) => planCleanup({ servers, failed, config: { ...autopilotDefaults, ...more }, nowMs: 60_000 })
  t.same(plan(['n3']), { forceLeave: ['n3'], remove: [], refusal: null })
  t.match(plan(['n2', 'n3']), { forceLeave: [], refusal: 'removing 2 of 3 servers would remove more than a minority' })
  t.match(plan(['n3'], { minQuorum: 3 }), { forceLeave: [], refusal: /min_quorum/ })
  t.same(plan(['n3'], { cleanupDeadServers: false }), { forceLeave: [], remove: [], refusal: null })
})

t.test('whom only Raft knows goes after the stabilization time, the leader never', async (t) => {
  const stale = health('n3', { serfStatus: 'none', healthy: false, stableSinceMs: 50_000 })
  const plan = (nowMs: number) => planCleanup({ servers: [health('n1', { serfStatus: 'none', healthy: false }), health('n2'), stale], failed: [], config: autopilotDefaults, nowMs }).remove
  t.same(plan(59_999), [])
  t.same(plan(60_000), ['n3'])
})

t.test('whatever is removed, those who stay were a majority before, and are one after', async () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 3 }), fc.array(fc.constantFrom('alive', 'failed', 'none', 'left') as fc.Arbitrary<ServerReading['serfStatus']>, { minLength: 12, maxLength: 12 }), fc.integer({ min: 0, max: 5 }),
    (voters, nonVoters, statuses, minQuorum) => {
      const servers = Array.from({ length: voters + nonVoters }, (_, i) => health(`n${i + 1}`, {
        isVoter: i < voters, serfStatus: i === 0 ? 'alive' : statuses[i]!, healthy: i === 0 || statuses[i] === 'alive',
      }))
      const failed = servers.filter(({ serfStatus }) => serfStatus === 'failed').map(({ name }) => name)
      const { forceLeave, remove, refusal } = planCleanup({ servers, failed, config: { ...autopilotDefaults, minQuorum }, nowMs: 1e6 })
      const gone = new Set([...forceLeave, ...remove])
      const stay = servers.filter(({ id, isVoter }) => isVoter && !gone.has(id))
      const reachable = servers.filter(({ isVoter, serfStatus }) => isVoter && serfStatus === 'alive').length
      return !gone.has('n1')
        && (gone.size === 0 || stay.length > voters / 2)
        && (gone.size === 0 || stay.length >= minQuorum)
        && servers.every(({ id, serfStatus }) => !gone.has(id) || serfStatus === 'failed' || serfStatus === 'none')
        && (refusal === null || gone.size === 0)
        // The other direction: a dead minority does go.
        && (minQuorum > 0 || statuses.slice(1, voters + nonVoters).includes('left') || nonVoters > 0 || gone.size === voters - reachable || voters - reachable > (voters - 1) / 2)
    }))
})
