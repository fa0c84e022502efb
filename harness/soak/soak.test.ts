import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { CheckResult, Verdict } from '../checkers/verdict.ts'
import { exitCodes } from '../cli/exit-codes.ts'
import type { PlanOptions } from '../plan/options.ts'
import { UsageError } from '../plan/usage-error.ts'
import { realHost } from '../runner/host.ts'
import { conductRun, prepareRun, type RunEnd } from '../runner/prepared-run.ts'
import { freshStatus } from '../runner/run-context.ts'
import { Stop } from '../runner/stop.ts'
import { memberCountOf, soak } from './soak.ts'
import { parseSoakArguments } from './soak-arguments.ts'

const judged = (verdict: Verdict, tookMs: number | null): RunEnd => {
  const results: CheckResult[] = [
    { checker: 'linearizability', verdict, summary: `it is ${verdict}`, evidence: [], details: {} },
    { checker: 'recovery', verdict: tookMs === null ? 'unknown' : 'valid', summary: 'so it recovered', evidence: [], details: { tookMs } },
  ]
  return { kind: 'judged', outcome: { verdict, results, history: [], leaders: [], secondsToFirstOperation: 0, counts: { ok: 10, fail: 2, info: 1 } } }
}

/** A soak of runs that end so, one after another. */
async function soakOf(store: string, ends: readonly RunEnd[], more: readonly string[] = []) {
  const printed: string[] = []
  const asked: PlanOptions[] = []
  const options = await parseSoakArguments(['--runs', `${ends.length}`, '--env=simulated', ...more])
  const exitCode = await soak(options, {
    io: { print: (line) => printed.push(line), error: (line) => printed.push(line) },
    nowMs: () => 0,
    run: async (run) => {
      const directory = join(store, `${asked.length}`)
      mkdirSync(directory)
      asked.push(run)
      return { end: ends[asked.length - 1]!, directory, rerun: `again ${run.seed}` }
    },
  })
  return { printed, asked, exitCode, kept: ends.map((_, n) => existsSync(join(store, `${n}`))) }
}

t.test('a line for each run, a summary, and only what is not valid stays', async (t) => {
  const { printed, asked, exitCode, kept } = await soakOf(t.testdir(), [judged('valid', 10), judged('unknown', null), judged('valid', 3210)], ['--seed', '7', '--rate', '50'])
  t.equal(exitCode, exitCodes.unknown)
  t.same(kept, [false, true, false])
  t.same(asked.map(({ seed, members, rate, env }) => ({ seed, members, rate, env })),
    [7, 8, 9].map((seed) => ({ seed, members: memberCountOf(seed, [3, 4, 5, 7]), rate: 50, env: 'simulated' })))
  t.match(printed[0], /^1\/3 seed 7, \d members: valid; 10 ok, 2 fail, 1 info; recovered in 0\.01 s/)
  t.match(printed.join('\n'), 'recovery: unknown: so it recovered')
  t.match(printed.at(-2), '3 runs in 0 s: 2 valid, 0 invalid, 1 unknown, 0 failed; 30 operations ok, 6 fail, 3 info; 0 faults; slowest recovery 3.21 s (seed 9)')
  t.equal(printed.at(-1), 'run it again: again 8')
})

t.test('the exit code is that of the worst run', async (t) => {
  const failed: RunEnd = { kind: 'failed', error: new Error('no port') }
  const cases: [RunEnd[], number][] = [
    [[judged('valid', 1)], exitCodes.valid],
    [[judged('unknown', 1), failed], exitCodes.crashed],
    [[judged('unknown', 1), judged('invalid', 1), failed], exitCodes.invalid],
    [[judged('invalid', 1), { kind: 'interrupted', signal: 'SIGINT' }], 130],
  ]
  const root = t.testdir()
  for (const [n, [ends, expected]] of cases.entries()) {
    const store = join(root, `${n}`)
    mkdirSync(store)
    t.equal((await soakOf(store, ends, ['--keep', 'all'])).exitCode, expected)
  }
})

t.test('members are drawn by the seed, each number now and then', async (t) => {
  const drawn = Array.from({ length: 200 }, (_, seed) => memberCountOf(seed, [3, 4, 5, 7]))
  t.same([...new Set(drawn)].sort(), [3, 4, 5, 7])
  t.same(drawn, Array.from({ length: 200 }, (_, seed) => memberCountOf(seed, [3, 4, 5, 7])))
})

t.test('arguments that make no sense are refused with a sentence', async (t) => {
  for (const args of [['--runs', '0'], ['--runs'], ['--members', '3,x'], ['--members', '11'], ['--keep', 'some'], ['--seed', '-1']]) {
    await t.rejects(parseSoakArguments(args), UsageError, args.join(' '))
  }
  await t.rejects(parseSoakArguments(['--no-such-flag']), /unknown option/)
})

t.test('real runs, simulated, with everything broken', async (t) => {
  const printed: string[] = []
  const store = t.testdir()
  const options = await parseSoakArguments(['--runs', '2', '--env', 'simulated', '--nemesis', 'all', '--time-limit', '15', '--rate', '20', '--members', '3', '--config', 'none'])
  const exitCode = await soak(options, {
    io: { print: (line) => printed.push(line), error: (line) => printed.push(line) },
    nowMs: () => performance.now(),
    run: async (run) => {
      const prepared = await prepareRun(run, realHost)
      const { end, directory } = await conductRun(prepared, realHost, { status: freshStatus(), interrupt: new Stop(), say: () => {} }, store)
      return { end, directory: directory.path, rerun: prepared.rerun }
    },
  })
  t.equal(exitCode, exitCodes.valid, printed.join('\n'))
  t.match(printed.at(-1), /^2 runs in \d+ s: 2 valid, 0 invalid, 0 unknown, 0 failed; [1-9]\d* operations ok, .* [1-9]\d* faults; slowest recovery/)
})
