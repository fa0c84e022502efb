import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { TraceTransition, TraceVote } from '../../node/base/trace.ts'
import { electionTimes, readElectionTimes } from './elections.ts'

/** A member's trace in short: `[ms, role, term, leader]`, or `[ms, 'vote', term]`. */
type Short = readonly [number, TraceTransition['role'], number, (string | null)?] | readonly [number, 'vote', number]
const traceOf = (id: string, ...events: readonly Short[]) => events.map(([timeMs, what, term, leader = null]): TraceTransition | TraceVote =>
  what === 'vote' ? { event: 'vote', member: id, id, timeMs, term, votedFor: 'whom' } : { event: 'transition', member: id, id, timeMs, term, role: what, leader: what === 'leader' ? id : leader })

t.test('from the first vote asked for to the leader, through pre-votes and terms', async (t) => {
  const n1 = traceOf('n1', [100, 'pre-candidate', 0], [110, 'candidate', 1], [111, 'vote', 1], [130, 'leader', 1])
  const n2 = traceOf('n2', [120, 'vote', 1], [140, 'follower', 1, 'n1'])
  t.same(electionTimes([n1, n2]), [30])
  // n1 dies. n2 asks, splits with n3 in term 2, and n3 wins term 3.
  const two = [...n2, ...traceOf('n2', [1000, 'pre-candidate', 1], [1010, 'candidate', 2], [1011, 'vote', 2], [1100, 'follower', 3], [1101, 'vote', 3], [1210, 'follower', 3, 'n3'])]
  const three = traceOf('n3', [140, 'follower', 1, 'n1'], [1005, 'candidate', 2], [1006, 'vote', 2], [1090, 'candidate', 3], [1091, 'vote', 3], [1200, 'leader', 3])
  t.same(electionTimes([n1, two, three]), [30, 200])
})

t.test('who was cut off and asked in vain does not make an election longer', async (t) => {
  const cutOff = traceOf('n3', [0, 'follower', 1, 'n1'], [500, 'pre-candidate', 1], [9000, 'follower', 2, 'n2'])
  const winner = traceOf('n2', [0, 'follower', 1, 'n1'], [5000, 'candidate', 2], [5001, 'vote', 2], [5100, 'leader', 2])
  t.same(electionTimes([cutOff, winner]), [100])
  // One that asked, and then heard its leader again, asked for another election.
  const again = traceOf('n3', [0, 'follower', 1, 'n1'], [500, 'pre-candidate', 1], [600, 'follower', 1, 'n1'], [5050, 'vote', 2], [5200, 'follower', 2, 'n2'])
  t.same(electionTimes([again, winner]), [100])
})

t.test('a leader that tells of itself twice was elected once; a torn trace counts for what it has', async (t) => {
  t.same(electionTimes([traceOf('n1', [10, 'candidate', 1], [11, 'vote', 1], [20, 'leader', 1], [400, 'leader', 1])]), [10])
  t.same(electionTimes([traceOf('n1', [20, 'leader', 1])]), [], 'how it began is not known')
  t.same(electionTimes([]), [])
})

t.test('of a run\'s directory: other lines and a torn one are passed over; broken clocks tell nothing', async (t) => {
  const directory = t.testdir({ 'faults.jsonl': '{"fault":0,"name":"kill","step":"start"}\n' })
  mkdirSync(join(directory, 'members', 'n1'), { recursive: true })
  const lines = traceOf('n1', [10, 'candidate', 1], [11, 'vote', 1], [25, 'leader', 1]).map((event) => JSON.stringify(event))
  writeFileSync(join(directory, 'members', 'n1', 'raft-trace.jsonl'), [...lines, '{"event":"apply","index":1}', '{"event":"transition","rol'].join('\n'))
  t.same(readElectionTimes(directory), [15])
  // A candidate was killed, and began anew: its candidacy ended there, though its last line was torn.
  const start = '{"event":"start","member":"n1","id":"n1","timeMs":500,"term":1,"votedFor":null,"lastIndex":0}'
  const later = traceOf('n1', [600, 'candidate', 2], [601, 'vote', 2], [640, 'leader', 2]).map((event) => JSON.stringify(event))
  writeFileSync(join(directory, 'members', 'n1', 'raft-trace.jsonl'), [...lines, ...traceOf('n1', [400, 'candidate', 1]).map((event) => JSON.stringify(event)), `{"event":"append","member":"n1","${start}`, ...later].join('\n'))
  t.same(readElectionTimes(directory), [15, 40])
  writeFileSync(join(directory, 'faults.jsonl'), '{"fault":0,"name":"clock","step":"start"}\n')
  t.same(readElectionTimes(directory), [])
  t.same(readElectionTimes(join(directory, 'absent')), [])
})
