import t from 'tap'
import { encodeConfiguration } from './configuration.ts'
import type { Message } from './message.ts'
import { parseMessage } from './message-parse.ts'

const addressed = { from: 'n1', to: 'n2', term: 5 }
const configuration = encodeConfiguration({ voters: [{ id: 'n1', name: 'n1', address: 'n1:1' }] })

const good: Message[] = [
  { ...addressed, kind: 'pre-vote-request', lastLogIndex: 3, lastLogTerm: 2 },
  { ...addressed, kind: 'pre-vote-response', granted: true },
  { ...addressed, kind: 'vote-request', lastLogIndex: 0, lastLogTerm: 0 },
  { ...addressed, kind: 'vote-response', granted: false },
  { ...addressed, kind: 'append-request', prevLogIndex: 0, prevLogTerm: 0, commitIndex: 0, entries: [] },
  {
    ...addressed, kind: 'append-request', prevLogIndex: 2, prevLogTerm: 1, commitIndex: 9, entries: [
      { index: 3, term: 1, kind: 'configuration', data: configuration },
      { index: 4, term: 4, kind: 'command', data: Buffer.from('x') },
      { index: 5, term: 5, kind: 'empty', data: new Uint8Array(0) },
    ],
  },
  { ...addressed, kind: 'append-response', outcome: { accepted: true, matchIndex: 4 } },
  { ...addressed, kind: 'append-response', outcome: { accepted: false, rejectedIndex: 4, conflictTerm: null, conflictIndex: 2 } },
  { ...addressed, kind: 'append-response', outcome: { accepted: false, rejectedIndex: 4, conflictTerm: 3, conflictIndex: 2 } },
  { ...addressed, kind: 'heartbeat-request', round: 8, commitIndex: 3 },
  { ...addressed, kind: 'heartbeat-response', round: 8 },
]

t.test('every kind of message passes, uncopied', async (t) => {
  for (const message of good) {
    const parsed = parseMessage(message)
    t.ok(parsed.ok && parsed.message === message, message.kind)
  }
  t.ok(parseMessage({ ...good[10], newField: 1 }).ok, 'a field of a later version')
})

t.test('no field can be missing or of another type', async (t) => {
  const wrong = [undefined, null, 'x', -1, 1.5, Number.NaN, {}, [], true, 2 ** 60]
  const paths = (value: object): string[][] => Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' && inner !== null && !(inner instanceof Uint8Array)
      ? [[key], ...paths(inner).map((path) => [key, ...path])]
      : [[key]])
  for (const message of good) {
    for (const path of paths(message)) {
      for (const bad of wrong) {
        const copy = structuredClone(message) as unknown as Record<string, unknown>
        let holder: Record<string, unknown> = copy
        for (const key of path.slice(0, -1)) holder = holder[key] as Record<string, unknown>
        const last = path.at(-1)!
        if (typeof bad === typeof holder[last] && (typeof bad === 'string' || typeof bad === 'boolean')) continue
        if (bad === null && last === 'conflictTerm') continue
        if (Array.isArray(bad) && last === 'entries') continue
        holder[last] = bad
        const parsed = parseMessage(copy)
        if (parsed.ok) t.fail(`${message.kind} ${path.join('.')} = ${JSON.stringify(bad)} passes`)
      }
    }
  }
  t.pass('all refused')
})

t.test('entries must continue each other, within the message\'s term', async (t) => {
  const append = (fields: object) => parseMessage({ ...addressed, kind: 'append-request', prevLogIndex: 2, prevLogTerm: 3, commitIndex: 0, ...fields })
  const entry = (fields: object) => ({ index: 3, term: 4, kind: 'command', data: new Uint8Array(1), ...fields })
  t.match(append({ entries: [entry({ index: 4 })] }), { ok: false, error: 'append-request: entries[0] is not entry 3' })
  t.match(append({ entries: [entry({}), entry({ index: 4, term: 3 })] }), { ok: false, error: 'append-request: entry 4 has term 3, outside 4..5' })
  t.match(append({ entries: [entry({ term: 2 })] }), { ok: false, error: 'append-request: entry 3 has term 2, outside 3..5' })
  t.match(append({ entries: [entry({ term: 6 })] }), { ok: false })
  t.match(append({ entries: [entry({ data: 'text' })] }), { ok: false, error: 'append-request: entry 3 has no bytes as data' })
  t.match(append({ entries: [entry({ kind: 'configuration' })] }), { ok: false, error: 'append-request: entry 3 is not a configuration' })
  t.match(append({ prevLogTerm: 6, entries: [] }), { ok: false })
})

t.test('what is no message at all', async (t) => {
  for (const value of [undefined, null, 7, 'text', [], {}, new Uint8Array(3)]) t.notOk(parseMessage(value).ok)
  t.same(parseMessage({ ...addressed, kind: 'gossip' }), { ok: false, error: 'gossip: kind is not a kind of message' })
  t.same(parseMessage({ ...addressed, from: '' }), { ok: false, error: 'message: from is not a member id' })
})

t.test('what cannot be made text of is refused all the same', async (t) => {
  for (const odd of [{ toString: 1, valueOf: 1 }, Object.create(null), 'x'.repeat(1e6)]) {
    for (const entry of [{ index: 1, term: odd, kind: 'command' }, { index: 1, term: 1, kind: odd }]) {
      const parsed = parseMessage({ kind: 'append-request', from: 'a', to: 'b', term: 1, prevLogIndex: 0, prevLogTerm: 0, commitIndex: 0, entries: [entry] })
      t.equal(parsed.ok, false)
      t.ok(!parsed.ok && parsed.error.length < 200)
    }
  }
})
