/** What workloads ask of a system, asked of a real Consul and of a member of ours: the same answers. */
import t, { type Test as Tap } from 'tap'
import type { SystemClient } from '../../workloads/workload.ts'
import type { HttpOutcome } from '../environments/environment.ts'
import { consulClient } from '../systems/consul/client.ts'
import type { MemberRequest } from '../systems/system.ts'
import { consulProgram, debianProgram } from './debian-program.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, startConsul, startSplitbrain } from './servers.ts'

const program = await debianProgram(consulProgram)
const onLinux = process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`
const identity = { node: 'n1', nodeId: '22222222-2222-3333-4444-555555555556' }

function requestTo(agent: AgentProcess): MemberRequest {
  return async ({ method, target, body }): Promise<HttpOutcome> => {
    const answer = await fetch(`http://${agent.host}:8500${target}`, { method, ...body === undefined ? {} : { body: body as string } })
    return { kind: 'response', status: answer.status, headers: {}, body: new Uint8Array(await answer.arrayBuffer()) }
  }
}

async function script(t: Tap, client: SystemClient): Promise<void> {
  const transactions = client.transactions!
  const prefixes = client.prefixes!
  const deletes = client.deletes!
  const both = await transactions.transact([{ verb: 'get', key: 'p/x' }, { verb: 'get', key: 'p/y' }], 'consistent')
  t.same(both, { type: 'ok', committed: true, reads: [{ key: 'p/x', value: null, version: null }, { key: 'p/y', value: null, version: null }] }, 'absent keys')
  t.same(await transactions.transact([{ verb: 'cas', key: 'p/x', value: '1', version: 0 }, { verb: 'check', key: 'p/y', version: 0 }], 'consistent'), { type: 'ok', committed: true, reads: [] })
  const read = await transactions.transact([{ verb: 'get', key: 'p/x' }, { verb: 'get', key: 'p/y' }], 'consistent')
  t.match(read, { committed: true, reads: [{ key: 'p/x', value: '1', version: Number }, { key: 'p/y', value: null, version: null }] }, 'one of them there')
  const version = read.type === 'ok' && read.committed ? read.reads[0]!.version! : 0
  t.match(await transactions.transact([{ verb: 'set', key: 'p/z', value: 'half' }, { verb: 'cas', key: 'p/x', value: '2', version: version - 1 }], 'consistent'), { type: 'ok', committed: false, why: /operation 1: .*stale/ })
  t.match(await transactions.transact([{ verb: 'set', key: 'p/z', value: 'half' }, { verb: 'check', key: 'p/x', version: version + 1 }], 'consistent'), { type: 'ok', committed: false })
  t.same(await client.read('p/z', 'consistent'), { type: 'ok', value: null, version: null }, 'all or nothing')
  t.match(await transactions.transact([{ verb: 'cas', key: 'p/y', value: 'ü', version: 0 }, { verb: 'check', key: 'p/x', version }, { verb: 'get', key: 'p/x' }], 'consistent'), { committed: true, reads: [{ key: 'p/x', value: '1', version }] })
  for (const mode of ['default', 'consistent', 'stale'] as const) t.match(await transactions.transact([{ verb: 'get', key: 'p/x' }], mode), { committed: true, reads: [{ value: '1' }] }, mode)
  t.match(await transactions.transact(Array.from({ length: transactions.operationsMax }, (_, i) => ({ verb: 'set', key: `q/${i}`, value: '' } as const)), 'consistent'), { committed: true })
  t.match(await transactions.transact(Array.from({ length: transactions.operationsMax + 1 }, (_, i) => ({ verb: 'set', key: `q/${i}`, value: '' } as const)), 'consistent'), { type: 'fail', error: /too many operations/ })
  t.match(await prefixes.list('p/', 'consistent'), { type: 'ok', entries: [{ key: 'p/x', value: '1' }, { key: 'p/y', value: 'ü' }] })
  t.same(await deletes.delete('p/x'), { type: 'ok' })
  t.same(await deletes.delete('p/x'), { type: 'ok' }, 'absent already')
  t.match(await prefixes.list('p/', 'default'), { type: 'ok', entries: [{ key: 'p/y' }] })
  t.same(await prefixes.list('nowhere/', 'stale'), { type: 'ok', entries: [] })
}

t.test('a member of ours', { skip: onLinux, timeout: 180_000 }, async (t) => {
  const [host] = await loopbackHosts(1)
  await using agent = await startSplitbrain({ host: host!, ...identity })
  await script(t, consulClient(requestTo(agent), 10_000))
})

t.test('a real Consul', { skip: program.kind === 'missing' ? program.reason : onLinux, timeout: 180_000 }, async (t) => {
  if (program.kind === 'missing') return
  const [host] = await loopbackHosts(1)
  await using agent = await startConsul(program.path, { host: host!, ...identity })
  await script(t, consulClient(requestTo(agent), 10_000))
})
