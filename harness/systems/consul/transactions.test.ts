import t from 'tap'
import type { TransactionOperation } from '../../../workloads/ports/transactions.ts'
import type { HttpOutcome, HttpRequest } from '../../environments/environment.ts'
import { ConsulPrefixes } from './prefixes.ts'
import { ConsulDeleteClient } from './watches.ts'
import { ConsulTransactions } from './transactions.ts'

const respond = (status: number, body: unknown): HttpOutcome => ({ kind: 'response', status, headers: {}, body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) })
const result = (key: string, value: string | null, index: number) => ({ KV: { LockIndex: 0, Key: key, Flags: 0, Value: value === null ? null : Buffer.from(value).toString('base64'), CreateIndex: 1, ModifyIndex: index } })
const committed = (...results: object[]) => respond(200, { Results: results, Errors: null })
const refused = (...errors: [number, string][]) => respond(409, { Results: null, Errors: errors.map(([OpIndex, What]) => ({ OpIndex, What })) })

/** A member that gives these answers, one after another. */
function memberOf(...outcomes: HttpOutcome[]) {
  const asked: HttpRequest[] = []
  const request = async (one: HttpRequest) => {
    asked.push(one)
    return outcomes[asked.length - 1] ?? outcomes.at(-1)!
  }
  return { transactions: new ConsulTransactions(request, 1000), prefixes: new ConsulPrefixes(request, 1000), deletes: new ConsulDeleteClient(request, 1000), bodies: () => asked.map(({ body }) => JSON.parse(String(body))), targets: () => asked.map(({ target }) => target) }
}

const get = (key: string): TransactionOperation => ({ verb: 'get', key })

t.test('operations as Consul has them', async (t) => {
  const member = memberOf(committed(result('a', 'x', 7), result('b', null, 9), result('c', null, 9), result('d', null, 8)))
  const operations: TransactionOperation[] = [get('a'), { verb: 'set', key: 'b', value: 'new' }, { verb: 'cas', key: 'c', value: 'ü', version: 0 }, { verb: 'check', key: 'd', version: 8 }, { verb: 'check', key: 'e', version: 0 }]
  t.same(await member.transactions.transact(operations, 'consistent'), { type: 'ok', committed: true, reads: [{ key: 'a', value: 'x', version: 7 }] })
  t.same(member.bodies(), [[
    { KV: { Verb: 'get', Key: 'a' } },
    { KV: { Verb: 'set', Key: 'b', Value: 'bmV3' } },
    { KV: { Verb: 'cas', Key: 'c', Value: 'w7w=', Index: 0 } },
    { KV: { Verb: 'check-index', Key: 'd', Index: 8 } },
    { KV: { Verb: 'check-not-exists', Key: 'e' } },
  ]])
  t.same(member.targets(), ['/v1/txn'], 'one that writes has no mode of reading')
})

t.test('reads in the mode that is asked for', async (t) => {
  for (const [consistency, target] of [['consistent', '/v1/txn?consistent'], ['stale', '/v1/txn?stale'], ['default', '/v1/txn']] as const) {
    const member = memberOf(committed(result('a', 'x', 7)))
    await member.transactions.transact([get('a')], consistency)
    t.same(member.targets(), [target])
  }
})

t.test('an absent key is read as null: its absence is asked for in another transaction', async (t) => {
  const member = memberOf(
    refused([1, 'key "b" doesn\'t exist']),
    // Meanwhile somebody made b and deleted a.
    refused([0, 'key "a" doesn\'t exist'], [1, 'key "b" exists']),
    committed(result('b', 'y', 12)),
  )
  t.same(await member.transactions.transact([get('a'), get('b')], 'consistent'), { type: 'ok', committed: true, reads: [{ key: 'a', value: null, version: null }, { key: 'b', value: 'y', version: 12 }] })
  t.same(member.bodies().map((body) => body.map(({ KV }: { KV: { Verb: string } }) => KV.Verb)), [['get', 'get'], ['get', 'check-not-exists'], ['check-not-exists', 'get']])
})

t.test('keys that come and go end it some time', async (t) => {
  const outcomes = Array.from({ length: 20 }, (_, i) => i % 2 === 0 ? refused([0, 'key "a" doesn\'t exist']) : refused([0, 'key "a" exists']))
  t.match(await memberOf(...outcomes).transactions.transact([get('a')], 'consistent'), { type: 'fail', error: /came and went/ })
})

t.test('a condition that does not hold: certainly not done', async (t) => {
  const cas: TransactionOperation = { verb: 'cas', key: 'a', value: 'x', version: 3 }
  const member = memberOf(refused([0, 'failed to set key "a", index is stale'], [1, 'key "b" doesn\'t exist']))
  t.same(await member.transactions.transact([cas, get('b')], 'consistent'), { type: 'ok', committed: false, why: 'operation 0: failed to set key "a", index is stale; operation 1: key "b" doesn\'t exist' })
  t.equal(member.bodies().length, 1)
})

t.test('what went wrong: a write may have happened, a read changes nothing', async (t) => {
  const set: TransactionOperation = { verb: 'set', key: 'a', value: 'x' }
  const outcomeOf = (outcome: HttpOutcome, operation: TransactionOperation) => memberOf(outcome).transactions.transact([operation], 'consistent')
  t.match(await outcomeOf({ kind: 'lost', error: 'timed out' }, set), { type: 'info' })
  t.match(await outcomeOf({ kind: 'lost', error: 'timed out' }, get('a')), { type: 'fail' })
  t.match(await outcomeOf(respond(500, 'No cluster leader'), set), { type: 'fail' })
  t.match(await outcomeOf(respond(413, 'Transaction contains too many operations (65 > 64)'), set), { type: 'fail' })
  for (const malformed of ['', '[]', { Results: [], Errors: null }, { Results: [result('b', null, 3)], Errors: null }, { Results: [result('a', null, 3), result('a', null, 3)], Errors: null }]) {
    t.match(await outcomeOf(respond(200, malformed), set), { type: 'info', error: /malformed answer/ })
  }
  t.match(await outcomeOf(respond(409, 'no'), set), { type: 'fail', error: /malformed answer/ })
  t.match(await outcomeOf(committed({ KV: { Key: 'a', Value: '***', ModifyIndex: 3 } }), get('a')), { type: 'fail', error: /base64/ })
})

t.test('keys below a prefix', async (t) => {
  const entry = (key: string, value: string) => ({ LockIndex: 0, Key: key, Flags: 0, Value: Buffer.from(value).toString('base64'), CreateIndex: 1, ModifyIndex: 5 })
  const member = memberOf(respond(200, [entry('s/1', '1'), entry('s/2', '2')]), respond(404, ''), respond(404, 'page not found'), respond(200, [entry('t/1', '1')]))
  t.same(await member.prefixes.list('s/', 'consistent'), { type: 'ok', entries: [{ key: 's/1', value: '1', version: 5 }, { key: 's/2', value: '2', version: 5 }] })
  t.same(await member.prefixes.list('s/', 'default'), { type: 'ok', entries: [] })
  t.match(await member.prefixes.list('s/', 'stale'), { type: 'fail', error: /page not found/ })
  t.match(await member.prefixes.list('s/', 'stale'), { type: 'fail', error: /asked for keys below s\// })
  t.same(member.targets(), ['/v1/kv/s/?recurse&consistent', '/v1/kv/s/?recurse', '/v1/kv/s/?recurse&stale', '/v1/kv/s/?recurse&stale'])
  t.same(await memberOf(respond(200, 'true')).deletes.delete('s/1'), { type: 'ok' })
  t.match(await memberOf(respond(200, 'maybe')).deletes.delete('s/1'), { type: 'info' })
  t.match(await memberOf({ kind: 'lost', error: 'reset' }).deletes.delete('s/1'), { type: 'info' })
})
