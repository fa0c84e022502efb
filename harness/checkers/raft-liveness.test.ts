import t from 'tap'
import { checkRaftLiveness, electionTimeoutsMax } from './raft-liveness.ts'
import type { CheckResult } from './verdict.ts'

const result = (checker: string, details: CheckResult['details']): CheckResult => ({ checker, verdict: 'valid', summary: '', evidence: [], details })
const electionTimeoutMs = 400
const raft = result('raft', { electionTimeoutMs })
const returned = (afterMs: number) => result('recovery', { leader: { afterMs, leader: '10.0.0.1:8300' } })
const never = (waitedMs: number) => result('recovery', { leader: { afterMs: null, waitedMs } })
const boundMs = electionTimeoutsMax * electionTimeoutMs
const exact = { exactTime: true, faults: [] }
const real = { exactTime: false, faults: [] }
const verdict = (known: CheckResult[], how: Parameters<typeof checkRaftLiveness>[1]) => checkRaftLiveness(known, how).map(({ verdict }) => verdict)

t.test('a leader within the bound, to the millisecond', async (t) => {
  t.same(verdict([returned(0), raft], exact), ['valid'])
  t.same(verdict([raft, returned(boundMs)], exact), ['valid'])
  t.same(verdict([raft, returned(boundMs + 1)], exact), ['invalid'])
  t.match(checkRaftLiveness([raft, returned(600)], exact), [{ summary: /10\.0\.0\.1:8300.*600 ms.*1\.5 of at most/ }])
})

t.test('the bound follows what the members are configured with', async (t) => {
  t.same(verdict([result('raft', { electionTimeoutMs: 1000 }), returned(boundMs + 1)], exact), ['valid'])
})

t.test('no leader at all', async (t) => {
  t.same(verdict([raft, never(boundMs + 1)], exact), ['invalid'])
  t.same(verdict([raft, never(boundMs - 1)], exact), ['unknown'], 'the deadline came before the bound')
  const fault = { fault: 0, name: 'damage', step: 'start', value: null, askedNs: 0, sinceMainS: 0, doneNs: 1, observed: null, error: null } as const
  t.same(verdict([raft, never(boundMs + 1)], { exactTime: true, faults: [fault] }), ['unknown'], 'a quorum may be lost')
  t.same(verdict([raft, returned(boundMs + 1)], { exactTime: true, faults: [fault] }), ['invalid'], 'no: a leader was elected, late')
})

t.test('in real time too late is unknown: the machine may have stood still', async (t) => {
  t.same(verdict([raft, returned(boundMs + 1)], real), ['unknown'])
  t.same(verdict([raft, never(boundMs + 1)], real), ['unknown'])
  t.same(verdict([raft, returned(10)], real), ['valid'])
})

t.test('nothing is said where nothing tells: other systems, old runs, runs that ended early', async (t) => {
  t.same(verdict([returned(1)], exact), [])
  t.same(verdict([result('raft', { electionTimeoutMs: null }), returned(1)], exact), [])
  t.same(verdict([raft, result('recovery', {})], exact), [])
})
