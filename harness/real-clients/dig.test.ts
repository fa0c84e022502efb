/**
 * Debian's `dig` asks three members of ours what it asks a real Consul: the
 * golden text is what Consul 1.8.7 answers. SPLITBRAIN_REWRITE_GOLDEN=1 writes
 * it anew from the real one; keep that only if the difference is understood.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { consulProgram, debianProgram, digProgram } from './debian-program.ts'
import { dig, type Dig, plainAnswer } from './dig.ts'
import { acceptedAnswers } from './dig-accepted.ts'
import { questions, registrations } from './dig-questions.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, type Cluster, startConsul, startSplitbrainCluster } from './servers.ts'
import { until } from './until.ts'

const goldenFile = fileURLToPath(new URL('testdata/dig-consul-1.8.7.txt', import.meta.url))
const program = await debianProgram(digProgram)
const consul = await debianProgram(consulProgram)
const skip = process.platform !== 'linux' ? 'needs all of 127.0.0.0/8' : program.kind === 'missing' ? program.reason : false
const digger: Dig = program.kind === 'found' ? program : { path: '', env: {} }

const ask = async (host: string, question: string) => (await dig(digger, host, question.split(' ')))[0]
/** As most of the questions are meant: what a plain resolver sends. */
const plain = (question: string) => /\+(bufsize|dnssec|nsid|cookie|subnet|edns)/.test(question) ? question : `${question} +noedns`

async function register(agent: AgentProcess, bodies: readonly object[]): Promise<void> {
  for (const body of bodies) {
    const { status, body: text } = await agent.request('PUT', '/v1/catalog/register', JSON.stringify(body))
    if (status !== 200) throw new Error(`${JSON.stringify(body)}: ${status} ${text}`)
  }
}

async function answers(host: string): Promise<Map<string, string>> {
  const result = new Map<string, string>()
  for (const question of questions) {
    const answer = await ask(host, plain(question))
    result.set(question, answer === undefined ? 'no answer' : plainAnswer(answer))
  }
  return result
}

const written = (all: ReadonlyMap<string, string>) => [...all].map(([question, answer]) => `$ dig ${question}\n${answer}\n`).join('\n')

async function goldenAnswers(): Promise<Map<string, string>> {
  const text = await readFile(goldenFile, 'utf8')
  return new Map(text.split(/^\$ dig /m).slice(1).map((part) => {
    const [question = '', ...lines] = part.trimEnd().split('\n')
    return [question, lines.join('\n')]
  }))
}

t.test('a real Consul answers as the golden text says', { skip: skip || (consul.kind === 'missing' ? consul.reason : false), timeout: 120_000 }, async (t) => {
  if (consul.kind === 'missing') return
  const [host] = await loopbackHosts(1) as [string]
  await using server = await startConsul(consul.path, { host, node: 'n1', nodeId: '22222222-2222-3333-4444-555555555555' })
  await register(server, registrations)
  const real = await answers(host)
  if (process.env['SPLITBRAIN_REWRITE_GOLDEN'] === '1') await writeFile(goldenFile, written(real))
  const golden = await goldenAnswers()
  t.same([...golden.keys()], questions, 'every question has its golden answer')
  for (const [question, answer] of golden) t.equal(real.get(question), answer, question)
  await zoneOf(t, [server])
})

t.test('three members of ours', { skip, timeout: 180_000 }, async (t) => {
  const configs = await mkdtemp(join(tmpdir(), 'splitbrain-dig-'))
  t.teardown(() => rm(configs, { recursive: true }))
  const truncating = join(configs, 'truncating.json')
  await writeFile(truncating, JSON.stringify({ dns_config: { enable_truncate: true } }))
  const passing = join(configs, 'passing.json')
  await writeFile(passing, JSON.stringify({ dns_config: { only_passing: true } }))
  const hosts = await loopbackHosts(3)
  await using cluster = await startSplitbrainCluster(hosts, (place) => [[], ['-config-file', truncating], ['-config-file', passing]][place]!)
  await register(cluster.members[0]!, registrations)
  for (const host of hosts) await until('all is known everywhere', async () => (await ask(host, 'many.service.consul SRV +tcp'))?.answer.length === 30)

  await t.test('the answers of a real Consul', async (t) => {
    const golden = await goldenAnswers()
    const ours = await answers(hosts[0]!)
    for (const [question, answer] of golden) {
      const accepted = acceptedAnswers.find((one) => one.questions.includes(question))
      t.equal(ours.get(question), accepted?.answer ?? answer, `${question}${accepted === undefined ? '' : ` (${accepted.reason})`}`)
      if (accepted !== undefined) t.not(accepted.answer, answer, `${question}: accepted, and there is no difference`)
    }
  })
  await t.test('the zone and its servers', (t) => zoneOf(t, cluster.members))
  await t.test('as many answers as there is room for, and the rest over TCP', (t) => room(t, hosts))
  await t.test('shuffled', (t) => shuffled(t, hosts[0]!))
  await t.test('who fails is left out', (t) => failing(t, cluster))
})

/** Names and addresses of the servers themselves, which no golden text can know. */
async function zoneOf(t: Test, members: readonly AgentProcess[]): Promise<void> {
  const servers = members.map(({ host }, i) => ({ name: `n${i + 1}.node.dc1.consul.`, host }))
  const byName = <Item>(items: readonly Item[]) => [...items].map(String).sort()
  const addresses = servers.map(({ name, host }) => `${name} 0 IN A ${host}`)
  for (const { host } of members) {
    const zone = await ask(host, 'consul NS')
    t.match(zone, { status: 'NOERROR', flags: 'qr aa rd' })
    t.same(byName(zone!.answer), servers.map(({ name }) => `consul. 0 IN NS ${name}`))
    t.same(byName(zone!.additional), addresses)
    for (const name of ['foo.node.consul', 'none.node.consul', 'redis.service.consul', 'none']) {
      const servants = (await ask(host, `${name}${name.includes('.') ? '' : '.consul'} NS`))!
      t.same(byName(servants.answer), byName(zone!.answer), `NS of ${name}`)
    }
    for (const name of ['foo.node.consul', 'consul', 'none.consul']) {
      const soa = (await ask(host, `${name} SOA`))!
      t.equal(soa.status, 'NOERROR')
      t.match(soa.answer, [/^consul\. 0 IN SOA ns\.consul\. hostmaster\.consul\. \d{10} 3600 600 86400 0$/])
      t.same(byName(soa.authority), servers.map((one) => `consul. 0 IN NS ${one.name}`))
      t.same(byName(soa.additional).filter((line) => !line.includes(' TXT ')), addresses)
      t.ok(Math.abs(Date.now() / 1000 - Number(soa.answer[0]!.split(' ')[6])) < 60, 'its serial number is the time')
    }
    t.same((await ask(host, 'consul.service.consul SRV'))!.answer.map((line) => line.split(' ').slice(4).join(' ')).sort(), servers.map(({ name }) => `1 1 8300 ${name}`))
    for (const { name, host: address } of servers) {
      t.same((await ask(host, `${name} A`))!.answer, [`${name} 0 IN A ${address}`])
      t.ok((await ask(host, `-x ${address}`))!.answer.some((line) => line.endsWith(`IN PTR ${name}`)))
    }
  }
}

async function room(t: Test, [plainHost, truncatingHost]: readonly string[]): Promise<void> {
  const many = async (host: string, more: string) => {
    const answer = (await ask(host, `many.service.consul ${more}`))!
    t.equal(new Set(answer.answer).size, answer.answer.length, `${more}: each once`)
    return { count: answer.answer.length, tc: answer.flags.split(' ').includes('tc'), transport: answer.transport, bytes: Number(/MSG SIZE +rcvd: (\d+)/.exec(answer.text)![1]) }
  }
  for (const type of ['A', 'SRV', 'ANY +notcp']) t.match(await many(plainHost!, `${type} +noedns`), { count: 3, tc: false, transport: 'UDP' }, `${type} without EDNS`)
  t.match(await many(plainHost!, 'SRV +bufsize=512'), { count: 3, tc: false, transport: 'UDP' }, 'EDNS of no more than plain UDP')
  const counts: number[] = []
  for (const size of [600, 1232, 4096]) {
    const { count, tc, transport, bytes } = await many(plainHost!, `SRV +bufsize=${size}`)
    t.match({ tc, transport }, { tc: false, transport: 'UDP' })
    t.ok(bytes <= size, `${bytes} bytes of ${size}`)
    counts.push(count)
  }
  t.ok(3 < counts[0]! && counts[0]! < counts[1]! && counts[1]! < counts[2]! && counts[2] === 30, `more room, more answers: ${counts}`)
  t.match(await many(plainHost!, 'SRV +tcp'), { count: 30, tc: false, transport: 'TCP' })
  t.match(await many(plainHost!, 'SRV +tcp +noedns'), { count: 30, tc: false, transport: 'TCP' })

  // `dns_config.enable_truncate`: dig comes again over TCP by itself, unless it is not to.
  t.match(await many(truncatingHost!, 'SRV +noedns'), { count: 30, tc: false, transport: 'TCP' })
  t.match(await many(truncatingHost!, 'SRV +bufsize=1232'), { count: 30, tc: false, transport: 'TCP' })
  t.match(await many(truncatingHost!, 'SRV +noedns +ignore'), { count: 3, tc: true, transport: 'UDP' })
  t.match(await many(truncatingHost!, 'SRV +bufsize=4096 +ignore'), { count: 30, tc: false, transport: 'UDP' }, 'nothing is left out')
  t.match(await many(truncatingHost!, 'SRV +notcp +bufsize=1232 +ignore'), { tc: true, transport: 'UDP' })
  const kept = await dig(digger, plainHost!, ['+tcp', '+keepopen', ...Array.from({ length: 5 }, () => 'redis.service.consul')])
  t.same(kept.map(({ status, transport }) => [status, transport]), Array.from({ length: 5 }, () => ['NOERROR', 'TCP']), 'five questions over one connection')
}

async function shuffled(t: Test, host: string): Promise<void> {
  const asked = await dig(digger, host, Array.from({ length: 300 }, () => 'many.service.consul'))
  t.equal(asked.length, 300)
  // That one of thirty never comes first has a chance of about one in a thousand: some may be missing, not many.
  const first = new Set(asked.map(({ answer }) => answer[0]))
  t.ok(first.size > 25, `${first.size} of 30 came first`)
}

async function failing(t: Test, { members }: Cluster): Promise<void> {
  const [one, two, three] = members as [AgentProcess, AgentProcess, AgentProcess]
  const ports = async (host: string) => ((await ask(host, 'shop.service.consul SRV'))?.answer ?? []).map((line) => Number(line.split(' ')[6])).sort()
  for (const [i, { host, request }] of members.entries()) {
    const { status } = await request('PUT', '/v1/agent/service/register', JSON.stringify({ Name: 'shop', Port: i + 1, Check: { TTL: '10m', Status: 'passing' } }))
    t.equal(status, 200, host)
  }
  const shown = (what: string, wanted: readonly number[], at: readonly AgentProcess[]) =>
    Promise.all(at.map(({ host }) => until(`${what}, at ${host}`, async () => String(await ports(host)) === String(wanted))))
  await shown('all three are there', [1, 2, 3], members)
  await one.request('PUT', '/v1/agent/check/warn/service:shop')
  await shown('a warning is enough where only passing ones are wanted', [2, 3], [three])
  await shown('and not where they are not', [1, 2, 3], [one, two])
  await one.request('PUT', '/v1/agent/check/fail/service:shop')
  await shown('a failing check leaves it out', [2, 3], members)
  await one.request('PUT', '/v1/agent/check/pass/service:shop')
  await shown('it comes back', [1, 2, 3], members)
  await two.request('PUT', '/v1/agent/maintenance?enable=true')
  await shown('a node in maintenance is left out', [1, 3], members)
  await two.request('PUT', '/v1/agent/maintenance?enable=false')
  await one.request('PUT', '/v1/agent/service/deregister/shop')
  await shown('who is deregistered is gone', [2, 3], members)
  await three[Symbol.asyncDispose]()
  await shown('a dead member takes its services with it', [2], [one, two])
  t.match(await ask(one.host, 'n3.node.consul A'), { status: 'NOERROR', answer: [`n3.node.consul. 0 IN A ${three.host}`] }, 'its name still stands')
  t.equal((await ask(one.host, 'consul NS'))!.answer.length, 2, 'it is no server to ask any more')
}
