/**
 * Whole runs as a user starts them, in each environment that this machine can
 * run: without a planted bug the verdict is valid, and the run directory holds
 * what the documentation says.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { dockerRequirement } from '../testing/requirements.ts'
import { readJson, startCli } from './cli-process.ts'

const environments = [
  { env: 'simulated', skip: false, args: ['--time-limit', '60'] },
  { env: 'local', skip: false, args: ['--time-limit', '12', '--interval', '2'] },
  { env: 'docker', skip: await dockerRequirement(), args: ['--time-limit', '12', '--interval', '2'] },
] as const

for (const { env, skip, args } of environments) {
  t.test(`${env}: partitions and kills, healed, recovered, valid`, { skip, timeout: 240_000 }, async (t) => {
    using cli = startCli(['test', '--env', env, '--nemesis', 'partition,kill', '--seed', '11', ...args])
    t.equal(await cli.exit(220_000), 0, cli.output().slice(-2000))
    t.match(cli.output(), /valid/)
    const directory = cli.runDirectory()
    t.equal(readJson(directory, 'verdict.json').verdict, 'valid')
    t.equal(readJson(directory, 'plan.json').seed, 11)
    const history = readFileSync(join(directory!, 'history.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
    // At 200 a second in 12 s and more; a machine that is busy with much else does a fraction of them.
    t.ok(history.filter((event) => event.type === 'ok').length > 20, 'operations happened')
    for (const f of ['start-partition', 'stop-partition', 'start-kill', 'stop-kill']) {
      t.ok(history.some((event) => event.process === 'nemesis' && event.f === f), `the history has ${f}`)
    }
    t.same(history.map((event) => event.index), history.map((_, i) => i), 'indexes are complete')
    for (const file of ['faults.jsonl', 'report.html', 'members/n1/raft-trace.jsonl', 'members/n3/raft-trace.jsonl']) {
      t.ok(existsSync(join(directory!, file)), `there is ${file}`)
    }
    using again = startCli(['check', join(directory!, 'history.jsonl'), '--model', 'cas-register'])
    t.equal(await again.exit(60_000), 0, `check reads back what test wrote: ${again.output()}`)
  })
}

t.test('simulated: the same seed gives the same history, byte for byte; another seed another', { timeout: 180_000 }, async (t) => {
  const history = async (seed: string) => {
    using cli = startCli(['test', '--env', 'simulated', '--nemesis', 'partition,kill', '--time-limit', '30', '--seed', seed])
    t.equal(await cli.exit(80_000), 0, cli.output().slice(-2000))
    return readFileSync(join(cli.runDirectory()!, 'history.jsonl'), 'utf8')
  }
  const first = await history('5')
  t.ok(await history('5') === first, 'equal')
  t.ok(await history('6') !== first, 'different')
})

t.test('wrong arguments: a sentence and 254', { timeout: 60_000 }, async (t) => {
  for (const [args, says] of [
    [['test', '--env', 'moon'], /moon/],
    [['test', '--workload', 'nope'], /nope.*register/s],
    [['test', '--nemesis', 'gremlins'], /gremlins.*partition/s],
    [['test', '--concurrency', '0'], /concurrency/],
    [['check', '/nonexistent.edn', '--model', 'register'], /nonexistent/],
    [['frobnicate'], /frobnicate/],
  ] as const) {
    using cli = startCli(args)
    t.equal(await cli.exit(30_000), 254, `${args.join(' ')}: ${cli.output()}`)
    t.match(cli.output(), says)
  }
})
