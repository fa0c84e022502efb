/**
 * Faults on live clusters, through the command: that each kind of each family
 * breaks what it says it does and is mended, and is not left out each time as
 * one that does not fit now.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { dockerRequirement } from '../testing/requirements.ts'
import { startCli } from './cli-process.ts'

t.test('simulated: every kind of every fault works', { timeout: 240_000 }, async (t) => {
  using cli = startCli(['doctor', '--probe', '--env', 'simulated', '--json'])
  t.equal(await cli.exit(220_000), 0, cli.output().slice(-2000))
  const { rows } = JSON.parse(cli.output().slice(cli.output().indexOf('{')))
  t.ok(rows.length >= 78, `${rows.length} kinds`)
  t.same(rows.filter(({ state }: { state: string }) => state !== 'works'), [])
})

/** The two that wait until a newcomer votes. */
const script = JSON.stringify({ faults: [
  { at: 1, for: 3, fault: 'membership', value: { kind: 'grow' } },
  { at: 2, for: 3, fault: 'membership', value: { kind: 'leave-rejoin', target: 'one' } },
] })

for (const [env, skip] of [['local', false], ['docker', await dockerRequirement()]] as const) {
  t.test(`${env}: a cluster grows, and who left comes back with its disk`, { skip, timeout: 240_000 }, async (t) => {
    using cli = startCli(['test', '--env', env, '--nemesis', 'none', '--faults', script, '--time-limit', '25', '--rate', '50', '--seed', '3'])
    t.equal(await cli.exit(220_000), 0, cli.output().slice(-2000))
    const faults = readFileSync(join(cli.runDirectory()!, 'faults.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
    const of = (kind: string, step: string) => faults.filter((fault) => fault.value.kind === kind && fault.step === step)
    t.same(faults.map(({ error }) => error), [null, null, null, null])
    t.match(of('grow', 'start'), [{ observed: { takenIn: { id: /./ } } }])
    t.match(of('grow', 'stop'), [{ observed: { gone: /./ } }])
    t.equal(of('leave-rejoin', 'start').length, 1)
    t.match(of('leave-rejoin', 'stop'), [{ observed: [{ onItsOldDisk: true }] }])
  })
}
