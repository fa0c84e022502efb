/** Random commands on the state machine and on its naive twin; what readers see, what answers say and who is woken. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Command, encodeCommand } from './commands.ts'
import type { KvEntry } from './kv.ts'
import { type NaiveEntry, NaiveRegistry, type NaiveResult } from './testing/naive-registry.ts'
import { everySession } from './sessions.ts'
import { type ApplyResult, StateMachine } from './state-machine.ts'
import { everythingRegistered } from './testing/catalog-samples.ts'
import type { Interest } from './watches.ts'

const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

// Few, so that commands meet; keys each the prefix of some other.
const key = fc.constantFrom('a', 'a/', 'a/a', 'a/é', 'b')
const prefix = fc.constantFrom('', 'a', 'a/', 'a/é', 'b', 'c')
const id = fc.constantFrom(uuid(1), uuid(2), uuid(3))
const value = fc.uint8Array({ maxLength: 1, max: 1 })
const flags = fc.constantFrom(0n, 1n)
const index = fc.nat(30)
const constant = <T extends string>(...kinds: T[]) => fc.constantFrom(...kinds)
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: constant('set'), key, value, flags }) },
  { weight: 2, arbitrary: fc.record({ kind: constant('cas'), key, value, flags, modifyIndex: index }) },
  { weight: 2, arbitrary: fc.record({ kind: constant('delete'), key }) },
  { weight: 1, arbitrary: fc.record({ kind: constant('delete-cas'), key, modifyIndex: index }) },
  { weight: 1, arbitrary: fc.record({ kind: constant('delete-tree'), prefix }) },
  { weight: 8, arbitrary: fc.record({ kind: constant('lock'), key, value, flags, session: id }) },
  { weight: 3, arbitrary: fc.record({ kind: constant('unlock'), key, value, flags, session: fc.oneof(id, fc.constant('')) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: constant('session-create'),
      session: fc.record({
        id, name: fc.constant(''), node: constant('n1', 'n2'), lockDelayNs: fc.constantFrom(0, 15e9), behavior: constant('release', 'delete'), ttl: fc.constant(''),
        nodeChecks: fc.constant([]), serviceChecks: fc.constant([]),
      }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: constant('session-destroy', 'session-renew'), id }) },
  { weight: 2, arbitrary: fc.record({ kind: constant('session-expire'), id, renewedIndex: index }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: constant('txn'),
      operations: fc.array(fc.record({
        kind: constant('kv'),
        verb: constant('set', 'cas', 'lock', 'unlock', 'get', 'get-tree', 'check-index', 'check-session', 'check-not-exists', 'delete', 'delete-tree', 'delete-cas'),
        key, value, flags, index, session: id,
      }), { maxLength: 4 }),
    }),
  },
)

const naive = (entry: KvEntry): NaiveEntry => ({ ...entry, value: Buffer.from(entry.value).toString('hex') })

/** As the model says it; a refusal is a refusal, whatever its words. */
function comparable(result: ApplyResult | NaiveResult): unknown {
  if (typeof result === 'boolean') return result
  if (typeof result === 'string') return 'refused'
  if (!('kind' in result)) return result
  switch (result.kind) {
    case 'kv': return result.succeeded
    case 'invalid': return 'refused'
    case 'txn': return { results: result.outcome.results.flatMap((one) => one.kind === 'kv' ? [naive(one.entry)] : []), errors: result.outcome.errors.map(({ opIndex }) => opIndex) }
  }
}

t.test('equals a naive model: results, entries, indexes, sessions, what the leader hears', async (t) => {
  const kinds = new Map<string, number>()
  fc.assert(fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
    const heard: string[] = []
    const machine = new StateMachine({
      renewed: (session) => heard.push(`renewed ${session.id}`), ended: (ended) => heard.push(`ended ${ended}`), lockDelayed: (delayed) => heard.push(`delayed ${delayed}`),
    }, everythingRegistered)
    const model = new NaiveRegistry()
    for (const [i, one] of commands.entries()) {
      const result = comparable(machine.apply(i + 1, encodeCommand(one)))
      assert.deepEqual(result, comparable(model.apply(i + 1, one)))
      const name = `${one.kind} ${typeof result === 'object' ? (result as { errors: unknown[] }).errors.length === 0 : String(result)}`
      kinds.set(name, (kinds.get(name) ?? 0) + 1)
      assert.deepEqual(machine.kv.list('').entries.map(naive), model.list(''))
      assert.deepEqual(heard, model.heard)
      for (const one of ['', 'a', 'a/', 'a/é', 'b', 'c']) {
        assert.equal(machine.kv.list(one).index, model.index(one))
        assert.equal(machine.kv.get(one).index, model.state.entries.find((entry) => entry.key === one)?.modifyIndex ?? Math.max(1, model.state.kvIndex))
      }
      assert.equal(machine.sessions.index, Math.max(1, model.state.sessionIndex))
      const sessions = [...model.state.sessions].sort((a, b) => a.spec.id < b.spec.id ? -1 : 1)
      assert.deepEqual(machine.sessions.list(), sessions.map(({ spec, index }) => ({ ...spec, createIndex: index, modifyIndex: index })))
      for (const node of ['n1', 'n2']) assert.deepEqual(machine.sessions.ofNode(node).map((session) => session.id), sessions.flatMap(({ spec }) => spec.node === node ? [spec.id] : []))
      for (const entry of machine.kv.list('').entries) assert.ok(entry.session === null || machine.sessions.get(entry.session) !== null, 'a lock without its session')
    }
  }), { numRuns: 1500 })
  // The random commands reach all that there is.
  for (const wanted of ['lock true', 'lock false', 'lock refused', 'unlock true', 'unlock false', 'unlock refused', 'session-create refused', 'session-renew true', 'session-renew false', 'session-expire true', 'session-expire false', 'txn true', 'txn false']) {
    t.ok((kinds.get(wanted) ?? 0) > 10, `${wanted}: ${kinds.get(wanted) ?? 0} times`)
  }
})

// Goal: no blocking query sleeps through a change, and those of one key or prefix are not woken by others.
t.test('who waits is woken exactly when the index of its query has moved', async (t) => {
  let woken = 0
  fc.assert(fc.property(fc.array(command, { maxLength: 40, size: 'max' }), (commands) => {
    const machine = new StateMachine(null, everythingRegistered)
    for (const [i, one] of commands.entries()) {
      const { kv, sessions, watches } = machine
      const queries: { index: () => number, interest: Interest }[] = [
        ...['a', 'a/', 'a/a', 'b', 'missing'].map((key) => ({ index: () => kv.get(key).index, interest: kv.interestInKey(key) })),
        ...['', 'a', 'a/', 'b', 'c'].map((prefix) => ({ index: () => kv.list(prefix).index, interest: kv.interestInPrefix(prefix) })),
        { index: () => sessions.index, interest: everySession },
      ]
      const before = queries.map(({ index }) => index())
      const due = new Set<number>()
      const leave = queries.map(({ interest }, query) => watches.add([interest], () => { due.add(query) }))
      machine.apply(i + 2, encodeCommand(one))
      watches.flush()
      for (const [query, { index, interest }] of queries.entries()) {
        assert.equal(due.has(query), index() !== before[query], `${JSON.stringify(interest)} went from ${before[query]} to ${index()} by ${one.kind}`)
        assert.ok(index() >= before[query]!, 'an index fell')
        if (due.has(query)) woken++
        leave[query]!()
      }
      assert.equal(watches.size, 0)
    }
  }), { numRuns: 500 })
  t.ok(woken > 1000, `${woken} were woken`)
})
