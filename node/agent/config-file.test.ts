import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { agentFilesIn, readAgentFile } from './config-file.ts'

const directory = t.testdir()
let count = 0
function read(value: unknown) {
  const path = join(directory, `${++count}.json`)
  writeFileSync(path, JSON.stringify(value))
  return readAgentFile(path)
}

t.test('a key that nobody knows, and one that only Consul knows, are named each', async (t) => {
  for (const [file, says] of [
    [{ frob: 1 }, /\.json: invalid config key frob\.$/],
    [{ ports: { frob: 1 } }, /: invalid config key ports\.frob\.$/],
    [{ performance: { leave_drain_time: '5s' } }, /: performance\.leave_drain_time is an option of Consul that this member does not have\.$/],
    [{ watches: [], server: true, frob: 1 }, /: watches is an option of Consul that this member does not have; invalid config key frob\.$/],
    [{ acl: { enabled: true } }, /: acl is an option of Consul that this member does not have\.$/],
    [{ acl: { enabled: false, tokens: {} } }, /: acl is an option of Consul/],
    [{ server: 'yes' }, /: server: /],
    [[], /: the file: /],
  ] as const) t.throws(() => read(file), { name: 'UsageError', message: says }, JSON.stringify(file))
})

t.test('what asks for what a member does anyway is no error', async (t) => {
  t.same(read({ server: true, ports: { grpc: -1, http: 8501 }, connect: { enabled: false }, ui: false, disable_update_check: true }), { server: true, ports: { http: 8501 } })
  t.same(read({ acl: { enabled: false } }), {})
})

t.test('a folder\'s files in order of name; HCL is refused, not passed over', async (t) => {
  const folder = t.testdir({ 'b.json': '{}', 'a.json': '{}', 'notes.txt': '' })
  t.same(agentFilesIn(folder), [join(folder, 'a.json'), join(folder, 'b.json')])
  t.throws(() => agentFilesIn(t.testdir({ 'a.hcl': '' })), { name: 'UsageError', message: /a\.hcl is HCL, and only JSON is read/ })
})
