/** A comparison that sees nothing would pass every server: what it has to see, and what it must not. */
import t from 'tap'
import { comparable, differences, Names } from './compare.ts'
import type { Answer } from './exchange.ts'
import { judge, type KnownDifference } from './known.ts'

const json = { 'content-type': 'application/json', 'x-consul-index': '12', 'x-consul-knownleader': 'true', 'x-consul-lastcontact': '0', vary: 'Accept-Encoding' }
const entry = { LockIndex: 0, Key: 'a', Flags: 0, Value: 'eA==', Session: '01234567-89ab-4def-8123-456789abcdef', CreateIndex: 12, ModifyIndex: 12 }
const real: Answer = { status: 200, headers: json, body: JSON.stringify([entry, { ...entry, Key: 'b' }]) }

function compare(one: Answer, other: Answer): string[] {
  return differences(comparable(one, new Names('127.0.0.1')), comparable(other, new Names('127.0.0.2')))
}

/** The same answer with other headers or another body. */
const but = (change: Partial<Answer>): Answer => ({ ...real, ...change })
const entries = (...items: object[]) => but({ body: JSON.stringify(items) })
const second = { ...entry, Key: 'b' }

t.test('what differs is seen', async (t) => {
  const table: [string, Answer, RegExp][] = [
    ['status', but({ status: 404 }), /^status: 200 against 404$/],
    ['a header', but({ headers: { ...json, 'content-type': 'text/plain' } }), /^content-type: /],
    ['a header that is missing', but({ headers: { 'content-type': 'application/json', vary: 'Accept-Encoding', 'x-consul-index': '12', 'x-consul-lastcontact': '0' } }), /^x-consul-knownleader: "true" against nothing$/],
    ['an index that is missing', but({ headers: { ...json, 'x-consul-index': '0' } }), /^x-consul-index: "<index>" against "0"$/],
    ['a header too many', but({ headers: { ...json, location: '/x' } }), /^location: nothing against "\/x"$/],
    ['a field', entries(entry, { ...second, Value: 'eQ==' }), /^body\[1\]\.Value: "eA==" against "eQ=="$/],
    ['a field that is missing', entries({ ...entry, Flags: undefined }, second), /^body\[0\]\.Flags: 0 against nothing$/],
    ['a field too many', entries({ ...entry, More: null }, second), /^body\[0\]\.More: nothing against null$/],
    ['null for a value', entries({ ...entry, Value: null }, second), /^body\[0\]\.Value: "eA==" against null$/],
    ['text for a number', entries({ ...entry, Flags: '0' }, second), /^body\[0\]\.Flags: 0 against "0"$/],
    ['an index of 0', entries({ ...entry, ModifyIndex: 0 }, second), /^body\[0\]\.ModifyIndex: "<index>" against 0$/],
    ['an element that is missing', entries(entry), /^body: \[.* against \[/],
    ['elements in another order', entries(second, entry), /^body\[0\]\.Key: "a" against "b"$/],
    ['another id where it was the same one', entries(entry, { ...second, Session: '01234567-89ab-4def-8123-456789abcd00' }), /^body\[1\]\.Session: "<id 1>" against "<id 2>"$/],
    ['null for an empty list', but({ body: 'null' }), /^body: \[.* against null$/],
    ['indentation', but({ body: JSON.stringify([entry, second], null, 4) }), /^layout: /],
    ['a newline at the end', but({ body: `${real.body}\n` }), /^layout: /],
    ['JSON that is none', but({ body: 'true' }), /^body: /],
  ]
  for (const [name, ours, wanted] of table) t.match(compare(real, ours)[0], wanted, name)
  const { LockIndex, ...rest } = entry
  t.match(compare(real, entries({ ...rest, LockIndex }, second)), [/^layout: /], 'fields in another order')
  const flags = (digits: string) => but({ body: `[{"Flags":${digits}}]` })
  t.equal(compare(flags('18446744073709551615'), flags('18446744073709551614')).length, 1, 'numbers beyond 2^53 are not rounded')
  const text = (body: string) => but({ headers: { 'content-type': 'text/plain; charset=utf-8' }, body })
  t.equal(compare(text('No path'), text('No path\n')).length, 1)
})

t.test('what no two servers share is not', async (t) => {
  t.same(compare(real, real), [])
  const other = (text: string) => text.replaceAll('01234567-89ab-4def', 'fedcba98-7654-4321').replaceAll('Index":12', 'Index":345')
  t.same(compare(real, but({ headers: { ...json, 'x-consul-index': '7', 'x-consul-lastcontact': '3', date: 'today' }, body: other(real.body) })), [])
  const peers = (host: string): Answer => but({ body: `["${host}:8300"]` })
  t.same(compare(peers('127.0.0.1'), peers('127.0.0.2')), [])
})

t.test('ids keep their words over several answers', async (t) => {
  const [a, b] = ['aaaa1111-0000-4000-8000-000000000000', 'bbbb2222-0000-4000-8000-000000000000']
  const names = new Names('127.0.0.1')
  const created = (id: string) => comparable(but({ body: `{"ID":"${id}"}` }), names).body
  t.same([created(a), created(b), created(a)], [{ ID: '<id 1>' }, { ID: '<id 2>' }, { ID: '<id 1>' }])
})

t.test('indexes may be told apart: which are the same, wherever they stand', async (t) => {
  const seen = (tellsApart: boolean, ...indexes: [header: number, created: number, modified: number][]) => {
    const names = new Names('127.0.0.1', tellsApart)
    return indexes.map(([header, CreateIndex, ModifyIndex]) => comparable(but({ headers: { ...json, 'x-consul-index': String(header) }, body: JSON.stringify([{ CreateIndex, ModifyIndex }]) }), names))
  }
  const [first, second] = seen(true, [5, 5, 5], [9, 5, 9])
  t.same(differences(first!, seen(true, [17, 17, 17])[0]!), [])
  t.match(differences(first!, seen(true, [17, 16, 17])[0]!), [/^body\[0\]\.CreateIndex: "<index 1>" against "<index 2>"$/])
  t.same(differences(first!, seen(false, [17, 16, 17])[0]!).length, 3)
  t.same(differences(second!, seen(true, [17, 17, 17], [18, 17, 18])[1]!), [])
  t.match(differences(second!, seen(true, [17, 17, 17], [17, 17, 18])[1]!), [/^x-consul-index: "<index 2>" against "<index 1>"$/])
  const stale = (index: number) => comparable(but({ headers: { 'content-type': 'text/plain' }, body: `current modify index ${index} != 1` }), new Names('127.0.0.1', true))
  t.same(differences(stale(5), stale(7)), [])
})

t.test('differences that were announced, those that were not, and announcements of nothing', async (t) => {
  const known = (request: string | RegExp, ...parts: string[]): KnownDifference => ({ request, parts, reason: 'because' })
  const found = [
    { request: 'GET /a', differences: ['status: 1 against 2', 'body[0].Value: 1 against 2'] },
    { request: 'GET /b', differences: [] },
  ]
  t.same(judge(found, []), { unexpected: ['GET /a: status: 1 against 2', 'GET /a: body[0].Value: 1 against 2'], outdated: [] })
  t.same(judge(found, [known('GET /a', 'status', 'body')]), { unexpected: [], outdated: [] })
  t.same(judge(found, [known(/^GET/, 'body[0]', 'status')]), { unexpected: [], outdated: [] })
  t.same(judge(found, [known('GET /a', 'stat', 'body[0].V', 'status')]), { unexpected: ['GET /a: body[0].Value: 1 against 2'], outdated: ['GET /a: stat', 'GET /a: body[0].V'] })
  t.same(judge(found, [known('GET', 'status'), known(/^GET .b/, 'status')]).outdated, ['GET: status', '/^GET .b/: status'])
})
