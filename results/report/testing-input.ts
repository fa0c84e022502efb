import type { HistoryEvent, Unrecorded } from '../../harness/history/event.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import { seededRandom } from '../../node/base/random.ts'
import type { MemberRecord } from './member-records.ts'
import type { ReportInput } from './report-input.ts'

/** A made-up history: steady operations, two faults, one read that contradicts the write before it. */
export function madeHistory(operations: number): HistoryEvent[] {
  const random = seededRandom(7)
  const events: HistoryEvent[] = []
  const push = (event: Unrecorded<HistoryEvent> & { time: number }) => events.push({ ...event, index: events.length } as HistoryEvent)
  let time = 0
  for (let i = 0; i < operations; i++) {
    time += 5_000_000
    if (i === Math.floor(operations / 4)) push({ time, type: 'info', process: 'nemesis', f: 'start-partition', value: { target: 'isolate-leader', members: ['n1'] } })
    if (i === Math.floor(operations / 2)) push({ time, type: 'info', process: 'nemesis', f: 'stop-partition', value: null })
    const process = i % 6
    const f = random.pick(['read', 'write', 'cas'])
    const value = f === 'read' ? null : f === 'write' ? i : [i - 1, i]
    push({ time, type: 'invoke', process, f, key: `k${i % 5}`, value, node: `n${1 + (i % 3)}` })
    const type = random.pick(['ok', 'ok', 'ok', 'ok', 'fail', 'info'] as const)
    push({ time: time + random.between(300_000, 4_000_000), type, process, f, key: `k${i % 5}`, value, node: `n${1 + (i % 3)}`, ...(type === 'ok' ? {} : { error: 'No cluster leader' }) })
  }
  return events
}

export const plan = {
  env: 'docker', system: 'registry', members: 3, workload: 'register', nemesis: ['partition'], concurrency: 6, seed: 42,
} as unknown as RunPlan

export function madeInput(history: HistoryEvent[], title = 'k3 cannot be linearized'): ReportInput {
  return {
    plan,
    verdict: 'invalid',
    results: [{
      checker: 'linearizability', verdict: 'invalid', summary: '1 of 5 keys is not linearizable.', details: {},
      evidence: [{
        title, key: 'k3', explanation: ['worker 3 read 4', 'but the key held 9'], eventIndexes: [6, 7, 8, 9, 12, 13],
        attempt: { initial: 'absent', order: [{ index: 6, state: '4' }], impossible: 8 },
      }],
    }],
    history,
    leaders: [{ timeNs: 0, leader: 'n1' }],
    members: madeMembers(history),
    rerun: 'npx splitbrain test --seed 42',
    startedAt: '2026-01-01T00:00:00.000Z',
    versions: 'splitbrain 0.1.0',
  }
}

/** Each member follows but the first, which leads in two terms. */
function madeMembers(history: readonly HistoryEvent[]): MemberRecord[] {
  const endMs = (history.at(-1)?.time ?? 0) / 1e6
  return ['n1', 'n2', 'n3'].map((member) => ({
    member,
    roles: [
      { role: member === 'n1' ? 'leader' : 'follower', term: 2, fromMs: 0, toMs: endMs / 2 },
      { role: member === 'n1' ? 'leader' : 'follower', term: 4, fromMs: endMs / 2, toMs: endMs },
    ],
    log: Array.from({ length: 100 }, (_, i) => ({ atMs: i, text: `{"timeMs":${i},"level":"info","message":"line ${i} of ${member}"}` })),
  }))
}
