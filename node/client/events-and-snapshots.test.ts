/** A server and a client agent on loopback sockets: what is told to all members, and what is too large for one message of a read. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { resolveAgentConfig } from '../agent/agent-config.ts'
import { parseAgentFlags, type AgentFlags } from '../agent/flags.ts'
import { runMember } from '../agent/run-member.ts'
import { silentLog } from '../base/log.ts'
import { freePort } from '../testing/free-port.ts'
import { passedOnBytesMax } from '../transport/agent-messages.ts'

interface Pair extends AsyncDisposable {
  /** Ports of their HTTP APIs. */
  readonly server: number
  readonly agent: number
}

async function startPair(): Promise<Pair> {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-through-'))
  const gossipPort = String(await freePort())
  const serverPort = String(await freePort())
  await using running = new AsyncDisposableStack()
  running.defer(() => rmSync(directory, { recursive: true, force: true }))
  const start = async (name: string, ...more: readonly string[]): Promise<number> => {
    const args = ['-node', name, '-data-dir', join(directory, name), '-http-port', '0', '-dns-port', '-1', ...more]
    const member = await runMember(resolveAgentConfig(parseAgentFlags(args) as AgentFlags), silentLog)
    running.defer(() => member.stop())
    return member.httpPort
  }
  const server = await start('s1', '-server', '-bootstrap-expect', '1', '-server-port', serverPort, '-serf-lan-port', gossipPort)
  const agent = await start('c1', '-serf-lan-port', '0', '-retry-join', `127.0.0.1:${gossipPort}`)
  await until('a write through the agent', async () => (await call(agent, 'PUT', '/v1/kv/started', 'yes')).status === 200)
  const kept = running.move()
  return { server, agent, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

const call = (port: number, method: string, path: string, body?: string | Uint8Array<ArrayBuffer>) =>
  fetch(`http://127.0.0.1:${port}${path}`, { method, signal: AbortSignal.timeout(60_000), ...body === undefined ? {} : { body } })

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!await reached()) {
    if (performance.now() > endMs) throw new Error(`waited 60 s in vain for ${what}`)
    await sleep(20)
  }
}

interface Event { readonly ID: string, readonly Name: string, readonly Payload: string }

t.test('events and snapshots, at a server and through a client agent', { timeout: 180_000 }, async (t) => {
  await using pair = await startPair()
  await t.test('an event comes from either to the other', (t) => events(t, pair))
  await t.test('a snapshot is taken and put back through the agent', (t) => snapshots(t, pair))
})

async function events(t: Test, { server, agent }: Pair): Promise<void> {
  const list = async (port: number, query = '') => await (await call(port, 'GET', `/v1/event/list${query}`)).json() as Event[]
  const fire = async (port: number, target: string, payload: string) => {
    const answer = await call(port, 'PUT', `/v1/event/fire/${target}`, payload)
    t.equal(answer.status, 200, target)
    return (await answer.json() as Event).ID
  }
  // Who waits with the index of the last event is woken by the next.
  const known = (await call(agent, 'GET', '/v1/event/list')).headers.get('x-consul-index')
  const waiting = list(agent, `?index=${known}&wait=50s`)
  const byServer = await fire(server, 'of-server', 'to the agent')
  t.match((await waiting).map(({ ID }) => ID), [byServer])
  const byAgent = await fire(agent, 'of-agent', 'to the server')
  for (const port of [server, agent]) {
    await until(`both events at ${port}`, async () => (await list(port)).length === 2)
    t.same((await list(port)).map(({ ID, Name, Payload }) => [ID, Name, Buffer.from(Payload, 'base64').toString()]), [[byServer, 'of-server', 'to the agent'], [byAgent, 'of-agent', 'to the server']])
  }
  // Each keeps only what is meant for it: by the name of its node, by what is registered at it.
  await call(agent, 'PUT', '/v1/agent/service/register', '{"Name":"web"}')
  const forAgent = [await fire(server, 'named?node=^c1$', 'x'), await fire(server, 'serving?service=^web$', 'x')]
  const forServer = await fire(agent, 'named?node=^s1$', 'x')
  const last = await fire(agent, 'last', 'x')
  for (const port of [server, agent]) await until(`the last at ${port}`, async () => (await list(port)).some(({ ID }) => ID === last))
  await until('those for the agent', async () => (await list(agent)).length === 5)
  await until('that for the server', async () => (await list(server)).length === 4)
  const ids = async (port: number) => (await list(port)).map(({ ID }) => ID)
  t.same([(await ids(agent)).filter((id) => forAgent.includes(id)).length, (await ids(agent)).includes(forServer)], [2, false])
  t.same([(await ids(server)).filter((id) => forAgent.includes(id)).length, (await ids(server)).includes(forServer)], [0, true])
}

async function snapshots(t: Test, { server, agent }: Pair): Promise<void> {
  const read = async (port: number, key: string) => {
    const answer = await call(port, 'GET', `/v1/kv/${key}?raw`)
    return answer.status === 200 ? Buffer.from(await answer.arrayBuffer()) : answer.status
  }
  // What does not compress, so that the archive is of many pieces.
  const large = Array.from({ length: 8 }, () => randomBytes(400_000))
  for (const [i, value] of large.entries()) t.equal((await call(agent, 'PUT', `/v1/kv/large/${i}`, value)).status, 200)
  await call(agent, 'PUT', '/v1/kv/kept', 'in the snapshot')
  const saved = await call(agent, 'GET', '/v1/snapshot')
  t.match([saved.status, saved.headers.get('content-type'), saved.headers.get('x-consul-index')], [200, 'application/x-gzip', /^\d+$/])
  const archive = new Uint8Array(await saved.arrayBuffer())
  t.ok(archive.length > 3_200_000, `${archive.length} bytes`)

  await call(server, 'PUT', '/v1/kv/kept', 'overwritten')
  await call(server, 'DELETE', '/v1/kv/large/?recurse')
  await call(server, 'PUT', '/v1/kv/later', 'x')
  t.match([await read(agent, 'kept'), await read(agent, 'large/3')], [Buffer.from('overwritten'), 404])

  t.equal((await call(agent, 'PUT', '/v1/snapshot', archive.slice(0, archive.length - 40))).status, 500, 'one that is cut off is refused')
  t.match(await read(server, 'kept'), Buffer.from('overwritten'), 'and nothing of it is taken')
  t.equal((await call(agent, 'PUT', '/v1/snapshot', archive)).status, 200)
  for (const port of [server, agent]) {
    t.same(await read(port, 'kept'), Buffer.from('in the snapshot'))
    for (const [i, value] of large.entries()) t.ok(value.equals(await read(port, `large/${i}`) as Buffer), `large/${i}`)
    t.equal(await read(port, 'later'), 404)
  }
  const tooLarge = await call(agent, 'PUT', '/v1/snapshot', new Uint8Array(passedOnBytesMax + 1))
  t.match([tooLarge.status, await tooLarge.text()], [413, /more than the \d+ that a client agent passes on: ask a server\.$/])
  t.same(await read(agent, 'kept'), Buffer.from('in the snapshot'), 'and the agent goes on')
}
