/** The DNS of real local members, as the registration workload asks it and its checker judges it. */
import t, { type Test } from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { testDirectory } from '../../../node/testing/test-directory.ts'
import { registration } from '../../../workloads/registration.ts'
import type { Operation, SystemClient, WorkScope } from '../../../workloads/workload.ts'
import type { CheckResult } from '../../checkers/verdict.ts'
import type { HistoryEvent } from '../../history/event.ts'
import { loadMutant } from '../../mutants/index.ts'
import { resolvePlan } from '../../plan/resolve-plan.ts'
import { clientOf } from '../../systems/leader.ts'
import { registry } from '../../systems/registry.ts'
import type { Environment, SourceEdit } from '../environment.ts'
import { claimAddresses } from './addresses.ts'
import { createLocalEnvironment } from './local-environment.ts'

const plan = resolvePlan({ ...registration.defaults, workload: 'registration', nemesis: ['none'], members: 1 }, { env: 'local', drawSeed: () => 1, workloads: ['registration'], nemeses: [], partitionTargets: [] })
const service = (id: string, port: number, ttlMs: number | null) => ({ id, name: 'api', port, ttlMs })
/** One that is healthy, one whose check nobody reports, and one that comes and goes; then the last look, and DNS once more. */
const operations: readonly Operation[] = [
  { f: 'register', key: 'a', value: service('a', 1001, null) },
  { f: 'register', key: 'b', value: service('b', 1002, 60_000) },
  { f: 'register', key: 'c', value: service('c', 1003, null) },
  { f: 'deregister', key: 'c', value: null },
  { f: 'settle', key: 'api', value: { untilMs: 60_000, critical: ['b'], passing: ['a'], gone: ['c'], ports: [1001] } },
  { f: 'dns', key: 'api', value: null },
]
/** Later than anything may lag behind: what members answer is real, and the times between are not waited for. */
const apartNs = 600e9

/** One member alone does all of it, and the workload judges what it and its DNS said. */
async function judged(environment: Environment): Promise<{ readonly result: CheckResult, readonly history: readonly HistoryEvent[] }> {
  const client: SystemClient = clientOf(registry, environment, 'n1', 30_000)
  const scope: WorkScope = { plan, clock: environment.clock, worker: { slot: 0, member: 'n1', process: 0 }, memory: new Map() }
  const until = async (what: string, condition: () => Promise<boolean>) => {
    const endMs = performance.now() + 60_000
    while (!await condition()) {
      if (performance.now() > endMs) throw new Error(`not within 60 s: ${what}`)
      await environment.clock.sleep(20)
    }
  }
  await until('the member alone leads', async () => (await registry.leadership((request, timeoutMs) => environment.request('n1', request, timeoutMs)))?.leads === true)
  const history: HistoryEvent[] = []
  const record = (event: Pick<HistoryEvent, 'type' | 'f'> & { readonly key?: string, readonly value: unknown, readonly error?: string }) =>
    history.push({ ...event, index: history.length, time: (history.length >> 1) * apartNs + (event.type === 'invoke' ? 0 : 2e6), process: 0, node: 'n1' } as HistoryEvent)
  for (const operation of operations) {
    const { f, key, value } = operation
    // What is on its way into the catalog must not be taken for what is gone from it.
    if (f === 'deregister') await until('the catalog shows all', async () => await client.services!.instances('api', 'consistent').then((read) => read.type === 'ok' && read.instances.length === 3))
    record({ type: 'invoke', f, key: key!, value })
    const outcome = await registration.perform(operation, client, scope)
    record({ f, key: key!, ...outcome, value: outcome.value ?? value })
    // A look is told with when it was asked.
    const last = history.at(-1)!
    if (f === 'settle' && outcome.type === 'ok') (last.value as { askedNs: number }).askedNs = last.time - 1e6
  }
  const [result] = [await registration.check(history, plan, { members: ['n1'], faults: [] } as never)].flat()
  return { result: result!, history }
}

async function started(t: Test, edits: readonly SourceEdit[], ownPrefix: boolean): Promise<Environment> {
  const environment = await createLocalEnvironment({
    runId: `dns-${process.pid}-${edits.length}`, memberCount: 1, random: seededRandom(1), workDirectory: testDirectory(t, {}),
    edits, memberConfig: {}, latencyMs: 0, powerLoss: false, dns: true, say: () => {},
  }, { ownPrefix })
  t.teardown(() => environment[Symbol.asyncDispose]())
  await environment.start()
  return environment
}

t.test('a member answers DNS at an address of its own; it and the catalog agree, and who is cut off from clients is so for DNS', async (t) => {
  const environment = await started(t, [], true)
  const { result, history } = await judged(environment)
  t.match(result, { verdict: 'valid', details: { dnsReads: 2, judgedDnsReads: 2, agreed: { names: 1, of: 1 } } }, JSON.stringify(result))
  t.match(result.summary, /2 of 2 DNS answers were compared\. At the end all members and their DNS agreed on 1 of 1 names\./)
  t.same(history.at(-1)!.value, [{ node: 'n1', port: 1001 }])

  const cut = await environment.cutClients!.cutClients(['n1'])
  t.match(await environment.dns!.query('n1', Buffer.alloc(12), 100), { kind: 'none', error: /cut off from n1/ })
  await cut.heal()
})

t.test('DNS that gives what the catalog calls critical is seen, at a port of the block too', async (t) => {
  const environment = await started(t, loadMutant('dns-gives-critical').edits, false)
  const { result, history } = await judged(environment)
  t.match(result, { verdict: 'invalid', summary: /DNS gives n1:1002, which is not healthy/ }, JSON.stringify(result))
  t.same((history.at(-1)!.value as { port: number }[]).map(({ port }) => port).sort(), [1001, 1002])
})

t.test('addresses: DNS has a port of its own where it is wanted, and else none', async (t) => {
  for (const ownPrefix of [true, false]) {
    using claim = await claimAddresses(9, { ownPrefix, dns: true })
    const sockets = claim.members.flatMap(({ host, serverPort, gossipPort, httpPort, dnsPort }) => [serverPort, gossipPort, httpPort, dnsPort].map((port) => `${host}:${port}`))
    t.equal(new Set(sockets).size, 36, sockets.join(' '))
    if (claim.usualPorts) t.ok(claim.members.every(({ dnsPort }) => dnsPort === 8600))
  }
  using without = await claimAddresses(3)
  t.ok(without.members.every(({ dnsPort }) => dnsPort === null))
})
