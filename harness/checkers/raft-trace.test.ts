import t from 'tap'
import type { TraceEvent } from '../../node/base/trace.ts'
import { checkRaftTraces } from './raft-trace.ts'

/** `n1: start 0`, `n1: start 1 n2` (with a vote for n2), `n1: emptied` (starts under another id), `n1: leader 2`, `n1: follower 3`, `n1: vote 2 n1`, `n1: commit 2 5 1` (term, index, the entry's term), `n1: apply 5 2 77`, `n1: crash …`, one a line, in order. */
function verdictOf(text: string) {
  const traces = new Map<string, { events: TraceEvent[], crash: string | null }>()
  for (const [i, line] of text.trim().split('\n').entries()) {
    const [, member, what, rest = ''] = /^\s*(\w+): (\S+) ?(.*)$/.exec(line) as unknown as [string, string, string, string?]
    const trace = traces.get(member) ?? { events: [], crash: null }
    traces.set(member, trace)
    const base = { member, id: `id-${member}`, timeMs: i }
    const numbers = rest.split(' ')
    if (what === 'crash') trace.crash = rest
    else if (what === 'start') trace.events.push({ ...base, event: 'start', term: Number(numbers[0]), votedFor: numbers[1] ?? null, lastIndex: 0 })
    else if (what === 'emptied') trace.events.push({ ...base, id: `another-id-${member}`, event: 'start', term: 0, votedFor: null, lastIndex: 0 })
    else if (what === 'vote') trace.events.push({ ...base, event: 'vote', term: Number(numbers[0]), votedFor: numbers[1]! })
    else if (what === 'commit') trace.events.push({ ...base, event: 'leader-commit', term: Number(numbers[0]), index: Number(numbers[1]), entryTerm: Number(numbers[2]) })
    else if (what === 'apply') trace.events.push({ ...base, event: 'apply', index: Number(numbers[0]), term: Number(numbers[1]), checksum: Number(numbers[2]) })
    else trace.events.push({ ...base, event: 'transition', term: Number(rest), role: what as 'leader', leader: null })
  }
  return checkRaftTraces([...traces].map(([member, trace]) => ({ member, ...trace })))
}

const good = `
  n1: start 0
  n2: start 0
  n1: vote 1 n1
  n2: vote 1 n1
  n1: leader 1
  n1: apply 1 1 10
  n2: apply 1 1 10`

const cases: readonly (readonly [name: string, verdict: string, text: string, says?: RegExp])[] = [
  ['an election and an entry', 'valid', good],
  ['a restart applies the same again', 'valid', `${good}\n n2: start 1 n1\n n2: apply 1 1 10\n n2: apply 2 1 11`],
  ['a member whose disk was emptied is another one: it owes no votes', 'valid', `${good}\n n2: emptied\n n2: vote 1 n2\n n2: apply 1 1 10`],
  ['a member without its vote is not another one', 'invalid', `${good}\n n2: emptied\n n2: vote 1 n2\n n2: emptied`, /started again in term 0/],
  ['the same vote said again after a restart', 'valid', `${good}\n n2: start 1 n1\n n2: vote 1 n1`],
  ['a transition that was not yet on disk is forgotten', 'valid', `${good}\n n2: follower 5\n n2: start 1 n1`],
  ['leaders of different terms', 'valid', `${good}\n n2: leader 2`],
  ['two leaders in a term', 'invalid', `${good}\n n2: leader 1`, /n1 and n2 both became leader in term 1/],
  ['a restart without the vote', 'invalid', `${good}\n n2: start 1`, /n2 voted for n1 in term 1, and started again at .* without a vote/],
  ['a restart with another vote', 'invalid', `${good}\n n2: start 1 n2`, /with a vote for n2/],
  ['a restart in a later term', 'valid', `${good}\n n2: start 2`],
  ['two votes in a term', 'invalid', `${good}\n n2: vote 1 n2`, /n2 voted for n1 .* and for n2/],
  ['a vote is forgotten', 'invalid', `${good}\n n2: start 0`, /n2 voted in term 1 and started again in term 0/],
  ['a term goes back', 'invalid', `${good}\n n2: follower 4\n n2: follower 3`, /was in term 4/],
  ['different entries at an index', 'invalid', `${good}\n n1: apply 2 1 5\n n2: apply 2 1 6`, /index 2/],
  ['entries of different terms at an index', 'invalid', `${good}\n n1: apply 2 1 5\n n2: apply 2 2 5`, /term 1 .* term 2/],
  ['another entry after a restart', 'invalid', `${good}\n n2: start 1 n1\n n2: apply 1 1 99`, /index 1/],
  ['a gap', 'invalid', `${good}\n n1: apply 3 1 5`, /entry 3 .* where 2 was next/],
  ['a crash by a broken invariant', 'invalid', `${good}\n n1: crash InvariantError: term 3 has two leaders`, /InvariantError/],
  ['a leader commits an entry of its own term', 'valid', `${good}\n n1: commit 1 1 1`],
  ['a leader commits an entry of an older term by counting', 'invalid', `${good}\n n1: leader 3\n n1: commit 3 2 1`, /leader of term 3, called entry 2 committed .* of term 1/],
  ['nothing applied', 'unknown', 'n1: start 0'],
]

for (const [name, verdict, text, says] of cases) {
  t.test(`${verdict}: ${name}`, async (t) => {
    const result = verdictOf(text)
    t.equal(result.verdict, verdict, result.summary)
    if (says !== undefined) t.match(result.evidence.flatMap((evidence) => evidence.explanation).join('\n'), says)
  })
}
