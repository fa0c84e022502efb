import t from 'tap'
import type { TraceEvent } from '../../node/base/trace.ts'
import { checkLogs } from './raft-logs.ts'

/**
 * `n1: start 0` (last index), `n1: emptied`, `n1: append 1 @2 1x3 2` (in term 2, from index 1: three of term 1, one of term 2),
 * `n1: leader 2 n1+n2+n3` (term, voters), `n1: vote 2 n1`, `n1: commit 2 4 2` (term, index, the entry's term),
 * `n1: restore 9 2` (index, term), `n1: follower 3`; one a line, in order.
 */
function findings(text: string) {
  const traces = new Map<string, TraceEvent[]>()
  for (const [i, line] of text.trim().split('\n').entries()) {
    const [, member, what, ...words] = /^\s*(\w+): (.*)$/.exec(line)!.slice(0, 2).concat(line.trim().replace(/^\w+: /, '').split(' ')) as [string, string, string, ...string[]]
    const events = traces.get(member) ?? []
    traces.set(member, events)
    const base = { member, id: member, timeMs: i }
    const number = (at: number) => Number(words[at])
    switch (what) {
      case 'start': events.push({ ...base, event: 'start', term: 0, votedFor: null, lastIndex: number(0) }); break
      case 'emptied': events.push({ ...base, id: `${member}-anew`, event: 'start', term: 0, votedFor: null, lastIndex: 0 }); break
      case 'append': events.push({
        ...base, event: 'append', first: number(0), term: Number(words[1]!.slice(1)),
        terms: words.slice(2).map((word) => word.split('x').map(Number)).map(([term, count]) => [term!, count ?? 1] as const),
      }); break
      case 'leader': events.push({ ...base, event: 'transition', term: number(0), role: 'leader', leader: member, ...words[1] === undefined ? {} : { voters: words[1].split('+') } }); break
      case 'follower': events.push({ ...base, event: 'transition', term: number(0), role: 'follower', leader: null }); break
      case 'vote': events.push({ ...base, event: 'vote', term: number(0), votedFor: words[1]! }); break
      case 'commit': events.push({ ...base, event: 'leader-commit', term: number(0), index: number(1), entryTerm: number(2) }); break
      case 'restore': events.push({ ...base, event: 'restore', index: number(0), term: number(1) }); break
      default: throw new Error(line)
    }
  }
  const found: string[] = []
  const counts = checkLogs([...traces].map(([member, events]) => ({ member, events })), (title, ...explanation) => found.push([title, ...explanation].join(': ')))
  return { found, counts }
}

const begin = `
  n1: start 0
  n2: start 0
  n3: start 0
  n1: vote 1 n1
  n2: vote 1 n1
  n1: leader 1 n1+n2+n3
  n1: append 1 @1 1x3
  n2: append 1 @1 1x3
  n1: commit 1 3 1`

const cases: readonly (readonly [name: string, text: string, says: RegExp | null])[] = [
  ['an election and entries', begin, null],
  ['a follower behind is brought level', `${begin}\n n3: append 1 @1 1x2\n n3: append 3 @1 1`, null],
  ['a follower replaces what was never committed', `${begin}\n n1: append 4 @1 1x2\n n2: vote 2 n2\n n3: vote 2 n2\n n2: leader 2 n1+n2+n3\n n2: append 4 @2 2\n n1: follower 2\n n1: append 4 @2 2`, null],
  ['a leader replaces its own', `${begin}\n n1: append 2 @1 1`, /leader n1 replaced .*had 3 entries and wrote over them from 2 on/],
  ['one that has just been deposed replaces, in the new term', `${begin}\n n1: append 3 @2 2`, null],
  ['a term begins at two places', `${begin}\n n2: append 4 @2 2\n n3: append 1 @2 1x2 2`, /first entry of term 2 at 4.*n3 at 3/],
  ['a term begins behind different terms', `${begin}\n n2: append 4 @3 3\n n1: append 4 @2 2\n n3: append 1 @3 1x2 2 3`, /term 3 .* behind one of term 1; n3 at 4, behind one of term 2/],
  ['a leader without what was committed', `${begin}\n n3: append 1 @1 1x2\n n3: vote 2 n3\n n2: vote 2 n3\n n3: leader 2 n1+n2+n3`, /leader n3 of term 2 lacks.*committed entry 3 of term 1; n3 became leader of term 2 .* with 2 entries/],
  ['a leader with another entry where one was committed', `${begin}\n n3: append 1 @2 1x2 2\n n3: vote 3 n3\n n2: vote 3 n3\n n3: leader 3 n1+n2+n3`, /with one of term 2 there/],
  ['what was committed in a later term is no earlier leader\'s concern', `${begin}\n n2: append 4 @2 2\n n2: commit 2 4 2`, null],
  ['a leader whose log begins with a snapshot that covers it', `${begin}\n n3: restore 9 1\n n3: vote 2 n3\n n2: vote 2 n3\n n3: leader 2 n1+n2+n3`, null],
  ['a snapshot of another history', `${begin}\n n3: restore 3 7\n n3: append 4 @7 7\n n3: vote 8 n3\n n2: vote 8 n3\n n3: leader 8 n1+n2+n3`, /with one of term 7 there/],
  ['what was written and not synced is gone after a restart', `${begin}\n n2: start 2\n n2: append 3 @1 1`, null],
  ['a log shorter than what it had acknowledged, and then elected', `${begin}\n n2: start 1\n n2: vote 2 n2\n n3: vote 2 n2\n n2: leader 2 n1+n2+n3`, /leader n2 of term 2 lacks/],
  ['an empty disk is another server', `${begin}\n n2: emptied\n n2: append 1 @1 1x3`, null],
  ['a log that is there before the trace', 'n1: start 40\n n1: append 41 @3 3\n n1: append 40 @4 4', null],
  ['one vote of three', `${begin}\n n2: vote 2 n2\n n2: leader 2 n1+n2+n3`, /n2 became leader of term 2 without a quorum.*votes of n2; .*3 voters, so 2/],
  ['votes of who does not count', `${begin}\n n2: vote 2 n2\n n3: vote 2 n2\n n2: leader 2 n1+n2+n4`, /without a quorum/],
  ['votes of another term', `${begin}\n n2: vote 3 n2\n n3: vote 2 n2\n n2: leader 3 n1+n2+n3`, /without a quorum/],
  ['two of four', `${begin}\n n2: vote 2 n2\n n3: vote 2 n2\n n2: leader 2 n1+n2+n3+n4`, /so 3 are needed/],
  ['alone', 'n1: start 0\n n1: vote 1 n1\n n1: leader 1 n1\n n1: append 1 @1 1', null],
]

for (const [name, text, says] of cases) {
  t.test(`${says === null ? 'accepted' : 'rejected'}: ${name}`, async (t) => {
    const { found } = findings(text)
    if (says === null) t.same(found, [])
    else t.match(found.join('\n'), says)
  })
}

t.test('what was looked at is counted', async (t) => {
  t.same(findings(`${begin}\n n3: append 1 @1 1x3\n n3: append 3 @2 2`).counts, { appended: 10, replaced: 1, elections: 1 })
})
