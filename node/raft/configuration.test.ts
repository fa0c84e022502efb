import t from 'tap'
import { ConfigurationHistory, decodeConfiguration, encodeConfiguration, isConfiguration } from './configuration.ts'

const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ id, name: `name-${id}`, address: `10.0.0.1:8${id}` })) as [Server, Server, Server]
type Server = { id: string, name: string, address: string }

t.test('the same members give the same bytes in any order', async (t) => {
  t.same(encodeConfiguration({ voters: [c, a, b] }), encodeConfiguration({ voters: [a, { address: b.address, name: b.name, id: b.id }, c] }))
})

t.test('what is decoded is what was encoded', async (t) => {
  t.same(decodeConfiguration(encodeConfiguration({ voters: [b, a] })), { voters: [a, b] })
})

t.test('a configuration without voters or with one twice is refused', async (t) => {
  t.throws(() => encodeConfiguration({ voters: [] }), /at least one voter/)
  t.throws(() => encodeConfiguration({ voters: [a, a] }), /names a voter twice: a, a/)
})

t.test('bytes that are none are recognised', async (t) => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  t.ok(isConfiguration(encodeConfiguration({ voters: [a] })))
  for (const text of ['', '{', 'null', '{"voters":[]}', '{"voters":[{"id":""}]}', '{"voters":[1]}']) {
    t.notOk(isConfiguration(bytes(text)), text)
    t.throws(() => decodeConfiguration(bytes(text)))
  }
})

t.test('a configuration counts from its append to its cut (thesis §4.1)', async (t) => {
  const history = new ConfigurationHistory()
  t.same(history.current.voters, [])
  history.append(1, encodeConfiguration({ voters: [a] }))
  history.append(5, encodeConfiguration({ voters: [a, b] }))
  t.ok(history.isVoter('b'))
  history.truncateFrom(5)
  t.notOk(history.isVoter('b'))
  t.ok(history.isVoter('a'))
  history.truncateFrom(1)
  t.same(history.current.voters, [])
})
