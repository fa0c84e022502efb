/** The local environment with real members of the registry. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { testDirectory } from '../../../node/testing/test-directory.ts'
import { processStartTime } from '../owner.ts'
import type { Environment } from '../environment.ts'
import { createLocalEnvironment } from './local-environment.ts'

async function ask(environment: Environment, member: string, method: 'GET' | 'PUT', target: string, body?: string): Promise<string | null> {
  const outcome = await environment.request(member, { method, target, body }, 2_000)
  return outcome.kind === 'response' && outcome.status === 200 ? Buffer.from(outcome.body).toString() : null
}

async function until<T>(what: string, look: () => Promise<T | null>, deadlineMs = 60_000): Promise<T> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await environment.clock.sleep(20)
  }
}

/** The member's name whom all of these call leader. */
function leaderAmong(members: readonly string[]): Promise<string> {
  return until(`${members.join(', ')} agree on a leader among them`, async () => {
    const answers = await Promise.all(members.map((member) => ask(environment, member, 'GET', '/v1/status/leader')))
    const address = answers[0] === null || answers[0] === undefined ? '' : JSON.parse(answers[0]) as string
    const leader = members.find((member) => new URL(environment.httpAddress!(member)).hostname === address.split(':')[0])
    return leader !== undefined && answers.every((answer) => answer === answers[0]) ? leader : null
  })
}

const write = (member: string, key: string, value: string) =>
  until(`a write at ${member}`, async () => (await ask(environment, member, 'PUT', `/v1/kv/${key}`, value)) === 'true' ? true : null)
const read = (member: string, key: string) => ask(environment, member, 'GET', `/v1/kv/${key}?raw&consistent`)

/** By what only their command lines hold; where the system shows them. */
function memberProcesses(): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`local-registry-${process.pid}`)
    } catch {
      return false // has ended since it was listed
    }
  })
}

const folder = testDirectory(t, { collected: {} })
const environment = await createLocalEnvironment({
  runId: `registry-${process.pid}`, memberCount: 3, random: seededRandom(1), workDirectory: folder,
  edits: [], memberConfig: {}, latencyMs: 0, powerLoss: true, say: () => {},
})
t.teardown(() => environment[Symbol.asyncDispose]())

t.test('three members form a cluster that survives a cut, and kill -9 with loss of power', async (t) => {
  const startMs = performance.now()
  await environment.start()
  const first = await leaderAmong(environment.members)
  t.comment(`a leader after ${Math.round(performance.now() - startMs)} ms`)
  await write('n1', 'a', '1')
  t.equal(await read('n2', 'a'), '1')

  const others = environment.members.filter((member) => member !== first)
  const cut = await environment.cutLinks!.cut(others.flatMap((other) => [{ from: first, to: other }, { from: other, to: first }]))
  const second = await leaderAmong(others)
  t.not(second, first)
  await write(second, 'a', '2')
  // Of another key: what got no answer may still happen, once the old leader hears of the new one.
  t.equal(await ask(environment, first, 'PUT', '/v1/kv/b', 'perhaps'), null, 'the old leader cannot write')
  await cut.heal()
  await leaderAmong(environment.members)
  t.equal(await until('the old leader reads again', () => read(first, 'a')), '2')

  await environment.kill!.kill(second)
  await write(first, 'a', '3')
  await environment.kill!.restart(second)
  for (const member of environment.members) await environment.kill!.kill(member)
  await Promise.all(environment.members.map((member) => environment.kill!.restart(member)))
  await leaderAmong(environment.members)
  t.equal(await until('a read after all were without power', () => read('n1', 'a')), '3')
})

t.test('logs and traces are collected, and nothing is left', async (t) => {
  const collected = join(folder, 'collected')
  await environment.collect(collected)
  for (const member of environment.members) {
    t.match(readFileSync(join(collected, member, 'raft-trace.jsonl'), 'utf8'), /"event":"apply"/)
    t.not(readFileSync(join(collected, member, 'member.log'), 'utf8'), '')
  }
  const pids = memberProcesses()
  if (process.platform === 'linux') t.equal(pids.length, 3)
  await environment[Symbol.asyncDispose]()
  t.same(pids.filter((pid) => processStartTime(pid) !== null), [])
  t.same(readdirSync(folder), ['collected'])
})
