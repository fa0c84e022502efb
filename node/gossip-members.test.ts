/** Servers as processes that find each other by gossip alone: joining, failing, leaving, seen through the HTTP API. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { freePort } from './testing/free-port.ts'

const entry = fileURLToPath(new URL('./main.ts', import.meta.url))

interface Member {
  readonly child: ChildProcess
  readonly output: () => string
  readonly url: string
  readonly gossip: string
  readonly exited: Promise<number | null>
}

async function until<T>(what: string, members: readonly Member[], attempt: () => Promise<T | null>): Promise<T> {
  const endMs = performance.now() + 60_000
  while (performance.now() < endMs) {
    const result = await attempt().catch(() => null)
    if (result !== null) return result
    await sleep(30)
  }
  throw new Error(`${what} did not come about within 60 s:\n${members.map((member) => member.output().slice(-1500)).join('\n---\n')}`)
}

async function request(member: Member, method: string, path: string): Promise<{ status: number, body: string }> {
  const response = await fetch(`${member.url}${path}`, { method, signal: AbortSignal.timeout(15_000) })
  return { status: response.status, body: await response.text() }
}

async function statuses(member: Member): Promise<Record<string, number>> {
  const { body } = await request(member, 'GET', '/v1/agent/members')
  return Object.fromEntries((JSON.parse(body) as { Name: string, Status: number }[]).map(({ Name, Status }) => [Name, Status]))
}

t.test('three servers form a cluster through gossip; one is killed and told to leave, one leaves', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-gossip-'))
  const members: Member[] = []
  t.teardown(async () => {
    for (const { child } of members) child.kill('SIGKILL')
    await Promise.all(members.map(({ exited }) => exited))
    rmSync(directory, { recursive: true })
  })
  const fast = join(directory, 'fast.json')
  writeFileSync(fast, JSON.stringify({ gossip_lan: { probe_interval: '300ms', probe_timeout: '150ms', gossip_interval: '50ms', suspicion_mult: 3 } }))
  for (let i = 1; i <= 3; i++) {
    const [http, server, gossip] = [await freePort(), await freePort(), await freePort()]
    const child = spawn(process.execPath, [entry, '-server', '-node', `n${i}`, '-bootstrap-expect', '3', '-config-file', fast,
      '-http-port', `${http}`, '-server-port', `${server}`, '-serf-lan-port', `${gossip}`, '-data-dir', join(directory, `n${i}`),
      ...i === 1 ? [] : ['-retry-join', members[0]!.gossip]], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout!.on('data', (chunk) => { output += chunk })
    child.stderr!.on('data', (chunk) => { output += chunk })
    members.push({ child, output: () => output, url: `http://127.0.0.1:${http}`, gossip: `127.0.0.1:${gossip}`, exited: once(child, 'exit').then(([code]) => code as number | null) })
    // The first must listen before the others are given its address: the next try would be half a minute later.
    if (i === 1) await until('the first listens', members, async () => (await request(members[0]!, 'GET', '/v1/agent/members')).status === 200 ? true : null)
  }
  const [n1, n2, n3] = members as [Member, Member, Member]
  const agree = (observers: Member[], wanted: Record<string, number>) => until(JSON.stringify(wanted), members, async () => {
    for (const observer of observers) {
      const seen = await statuses(observer)
      if (Object.entries(wanted).some(([name, status]) => seen[name] !== status)) return null
    }
    return true
  })
  await agree(members, { n1: 1, n2: 1, n3: 1 })
  await until('a write through the cluster', members, async () => {
    const response = await fetch(`${n2.url}/v1/kv/a`, { method: 'PUT', body: 'x', signal: AbortSignal.timeout(8000) })
    return await response.text() === 'true' ? true : null
  })
  t.match(JSON.parse((await request(n3, 'GET', '/v1/agent/self')).body), { Member: { Name: 'n3', Status: 1, Port: Number(n3.gossip.split(':')[1]), Tags: { role: 'consul', dc: 'dc1' } } })

  n3.child.kill('SIGKILL')
  await agree([n1, n2], { n1: 1, n2: 1, n3: 4 })
  t.same(await request(n1, 'PUT', '/v1/agent/force-leave/nobody'), { status: 500, body: 'agent: No node found with name \'nobody\'' })
  t.equal((await request(n1, 'PUT', '/v1/agent/force-leave/n3')).status, 200)
  await agree([n1, n2], { n3: 3 })
  const refused = await request(n1, 'PUT', `/v1/agent/join/${n3.gossip}`)
  t.same(refused, { status: 500, body: `1 error occurred:\n\t* Failed to join 127.0.0.1: dial tcp ${n3.gossip}: connect: connection refused\n\n` })
  t.equal((await request(n1, 'PUT', `/v1/agent/join/${n2.gossip}`)).status, 200)

  t.equal((await request(n2, 'PUT', '/v1/agent/leave')).status, 200)
  t.equal(await n2.exited, 0, 'the process ends by itself')
  await agree([n1], { n1: 1, n2: 3, n3: 3 })
})
