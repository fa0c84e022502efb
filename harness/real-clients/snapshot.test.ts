/** The real `consul snapshot`, and ours, save, inspect and restore the state of three members of ours; what they refuse, a real Consul refuses alike. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { extract, pack } from 'tar-stream'
import t from 'tap'
import { type FinishedCommand, runCommand } from './consul-command.ts'
import { consulProgram, debianProgram } from './debian-program.ts'
import { loopbackHosts } from './loopback.ts'
import { startConsul, startSplitbrainCluster } from './servers.ts'

const program = await debianProgram(consulProgram)
const skip = program.kind === 'missing' ? program.reason
  : process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`
const path = program.kind === 'found' ? program.path : ''
const client = fileURLToPath(new URL('../../node/client-main.ts', import.meta.url))

async function put(host: string, archive: Uint8Array, query = ''): Promise<{ status: number, body: string }> {
  const answer = await fetch(`http://${host}:8500/v1/snapshot${query}`, { method: 'PUT', body: archive })
  return { status: answer.status, body: await answer.text() }
}

async function repacked(archive: Uint8Array, change: (name: string, content: Buffer) => Buffer | null): Promise<Buffer> {
  const [unpacking, packing] = [extract(), pack()]
  unpacking.end(gunzipSync(archive))
  for await (const entry of unpacking) {
    const content = change(entry.header.name, Buffer.concat(await Array.fromAsync(entry as AsyncIterable<Buffer>)))
    if (content !== null) packing.entry({ name: entry.header.name }, content)
  }
  packing.finalize()
  return gzipSync(Buffer.concat(await Array.fromAsync(packing as AsyncIterable<Buffer>)))
}

t.test('both commands save and restore the state of any member of ours', { skip, timeout: 300_000 }, async (t) => {
  await using cluster = await startSplitbrainCluster(await loopbackHosts(3))
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-snapshot-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const run = (host: string, who: 'consul' | 'ours', ...args: string[]): Promise<FinishedCommand> =>
    who === 'consul' ? runCommand(path, { host }, ['snapshot', ...args]) : runCommand(process.execPath, { host }, [client, 'snapshot', ...args])
  const kv = async (method: string, key: string, body?: string) => (await cluster.members[0]!.request(method, `/v1/kv/${key}`, body)).body
  for (let i = 0; i < 50; i++) await kv('PUT', `k/${i}`, `archived ${i}`)
  const state = await kv('GET', 'k/?recurse')
  for (const [i, { host }] of cluster.members.entries()) {
    const file = join(directory, `state-${i}`)
    const who = i % 2 === 0 ? 'consul' as const : 'ours' as const
    t.match(await run(host, who, 'save', file), { code: 0, stdout: /^Saved and verified snapshot to index \d+\n$/ }, `saved by ${who}`)
    t.match(await run(host, who, 'save', '-stale', file), { code: 0 })
    t.same(await run(host, 'ours', 'inspect', file), await run(host, 'consul', 'inspect', file))
    await kv('PUT', 'k/1', 'changed')
    await kv('PUT', `k/new${i}`, 'goes')
    t.same(await run(host, who === 'consul' ? 'ours' : 'consul', 'restore', file), { code: 0, stdout: 'Restored snapshot\n', stderr: '' })
    t.equal(await kv('GET', 'k/?recurse'), state, `restored at member ${i}`)
  }
  await kv('PUT', 'later', 'x')
  const file = join(directory, 'state-0')
  await writeFile(join(directory, 'cut'), (await readFile(file)).subarray(0, 300))
  for (const who of ['consul', 'ours'] as const) {
    t.match(await run(cluster.members[1]!.host, who, 'restore', join(directory, 'cut')), { code: 1, stderr: /^Error restoring snapshot: Unexpected response code: 500 \(failed to .*unexpected EOF\)/ })
    t.match(await run(cluster.members[1]!.host, who, 'inspect', join(directory, 'cut')), { code: 1, stderr: /^Error verifying snapshot: .*unexpected EOF/ })
  }
  t.equal(await kv('GET', 'later?raw'), 'x', 'nothing has changed')
})

t.test('what is refused is refused as a real Consul does', { skip, timeout: 120_000 }, async (t) => {
  const hosts = await loopbackHosts(2) as [string, string]
  await using _cluster = await startSplitbrainCluster([hosts[0]])
  await using _consul = await startConsul(path, { host: hosts[1], node: 'real', nodeId: '22222222-2222-3333-4444-555555555555' })
  const archives = await Promise.all(hosts.map(async (host) => Buffer.from(await (await fetch(`http://${host}:8500/v1/snapshot`)).arrayBuffer())))
  const damages: Readonly<Record<string, (archive: Buffer) => Promise<Buffer> | Buffer>> = {
    nothing: () => Buffer.alloc(0),
    'five bytes': () => Buffer.from('hello'),
    'no gzip': () => Buffer.from('this is no archive at all'),
    'a bit of the state': (archive) => repacked(archive, (name, content) => name === 'state.bin' ? Buffer.concat([content, Buffer.from('x')]) : content),
    'no state': (archive) => repacked(archive, (name, content) => name === 'state.bin' ? null : content),
    'no sums': (archive) => repacked(archive, (name, content) => name === 'SHA256SUMS' ? null : content),
  }
  for (const [name, damage] of Object.entries(damages)) {
    const [ours, theirs] = await Promise.all(hosts.map(async (host, i) => {
      const { status, body } = await put(host, await damage(archives[i]!))
      // Of two files without a sum Consul names either, by chance.
      return { status, body: name === 'no sums' ? body.replace(/missing for "(meta\.json|state\.bin)"/, 'missing for one of both') : body }
    }))
    t.same(ours, theirs, name)
    t.equal(ours!.status, 500)
  }
  t.same(await put(hosts[0], archives[0]!, '?dc=dc9'), await put(hosts[1], archives[1]!, '?dc=dc9'))
  t.same(await put(hosts[0], archives[0]!), { status: 200, body: '' })
  const foreign = await put(hosts[0], archives[1]!)
  t.match(foreign, { status: 500, body: /^failed to restore snapshot: state.bin is none of this registry, or damaged/ }, 'a real Consul\'s state is another format')
  const headers = await Promise.all(hosts.map(async (host) => {
    const answer = await fetch(`http://${host}:8500/v1/snapshot?stale`)
    await answer.arrayBuffer()
    return ['content-type', 'x-consul-knownleader', 'x-consul-lastcontact', 'vary'].map((name) => answer.headers.get(name))
  }))
  t.same(headers[0], headers[1])
})
