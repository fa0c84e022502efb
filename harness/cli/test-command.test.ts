import t from 'tap'
import { fakeRun, membersFine } from '../testing/fake-run.ts'
import type { SignalSource } from './signals.ts'

/** The whole way from arguments to exit code, against a cluster in memory, in virtual time. */
const test = ['test', '--env', 'simulated', '--seed', '7', '--time-limit', '10', '--interval', '1']

t.test('a correct cluster under partitions and kills: valid, exit 0', async (t) => {
  const run = await fakeRun([...test, '--nemesis', 'partition,kill'])
  t.equal(run.exitCode, 0, [...run.lines, ...run.errors].join('\n'))
  const history = run.history()
  t.same(history.map(({ index }) => index), history.map((_, at) => at), 'numbered without a gap')
  t.ok(history.every((event, at) => at === 0 || event.time >= history[at - 1]!.time), 'time does not go back')
  for (const f of ['start-partition', 'stop-partition', 'start-kill', 'stop-kill']) {
    t.ok(history.filter((event) => event.f === f).length >= 2, f)
  }
  t.match(JSON.parse(run.read('plan.json')), { seed: 7, rerun: /--seed 7/, versions: { node: process.versions.node } })
  t.match(JSON.parse(run.read('verdict.json')), { verdict: 'valid', ended: 'judged' })
  t.match(run.read('report.html'), /<!doctype html>/)
  const text = run.lines.join('\n')
  for (const said of [/verdict: valid/, /seed 7/, /report: .*report\.html/, /run it again: npx splitbrain test .*--seed 7/]) t.match(text, said)
  t.equal(run.fake!.disposed, 1)
})

t.test('members answer DNS where the workload asks it', async (t) => {
  t.equal((await fakeRun([...test, '--nemesis', 'none', '--workload', 'registration'])).environmentOptions!.dns, true)
  t.equal((await fakeRun([...test, '--nemesis', 'none'])).environmentOptions!.dns, undefined)
})

t.test('workers: sequential, retired after info, the successor at the same member', async (t) => {
  const history = (await fakeRun(test)).history()
  const open = new Set<number>()
  const retired = new Set<number>()
  const memberOf = new Map<number, string>()
  for (const event of history) {
    if (event.process === 'nemesis') continue
    if (event.type === 'invoke') {
      if (open.has(event.process) || retired.has(event.process)) t.fail(`worker ${event.process} begins at ${event.index} while it is busy or retired`)
      open.add(event.process)
      const slot = event.process % 6
      const before = memberOf.get(slot)
      if (before !== undefined && before !== event.node) {
        t.ok(event.f === 'read', 'only the final reads have workers in another order')
      }
      memberOf.set(slot, event.node!)
    } else {
      if (!open.delete(event.process)) t.fail(`a completion without an invocation at ${event.index}`)
      if (event.type === 'info') retired.add(event.process)
    }
  }
  t.ok(retired.size > 0, 'some were retired')
  t.equal(open.size, 0, 'every operation ended')
})

t.test('the same seed gives the same history, byte for byte; another seed another', async (t) => {
  const first = (await fakeRun(test)).read('history.jsonl')
  t.equal((await fakeRun(test)).read('history.jsonl'), first)
  t.not((await fakeRun([...test, '--seed', '8'])).read('history.jsonl'), first)
})

t.test('the rate is kept on average', async (t) => {
  const history = (await fakeRun([...test, '--nemesis', 'none', '--rate', '100', '--time-limit', '30', '--concurrency', '10n'])).history()
  const invocations = history.filter((event) => event.type === 'invoke').length - 3 * new Set(history.map((event) => 'key' in event ? event.key : undefined)).size
  t.ok(invocations > 2700 && invocations < 3300, `${invocations} operations in 30 s at 100/s`)
})

t.test('every key is read at the end through every member', async (t) => {
  const history = (await fakeRun(test)).history()
  const keys = new Set(history.flatMap((event) => 'key' in event ? [event.key] : []))
  const last = history.filter((event) => event.type === 'invoke').slice(-3 * keys.size)
  t.equal(new Set(last.map((event) => 'node' in event ? `${event.node} ${event.key}` : '')).size, 3 * keys.size)
})

t.test('a cluster that forgets acknowledged writes: invalid, exit 1, with evidence', async (t) => {
  const run = await fakeRun([...test, '--nemesis', 'none'], { loseEveryNthWrite: 50 })
  t.equal(run.exitCode, 1, run.lines.join('\n'))
  const { results } = JSON.parse(run.read('verdict.json'))
  t.ok(results.some((result: { verdict: string, evidence: unknown[] }) => result.verdict === 'invalid' && result.evidence.length > 0))
})

t.test('unknown, exit 2', async (t) => {
  const cases: [string, Parameters<typeof fakeRun>[1], RegExp][] = [
    ['a fault that did not take', { cutFails: true }, /a probe passed n1>n2/],
    ['a fault that did not heal', { healFails: true }, /no probe passes n1>n2/],
    ['no recovery after the healing', { neverRecovers: true }, /did not recover within 2 s.*pending: n1: knows no leader/],
    ['a members\' check that throws', { membersCheck: () => Promise.reject(new Error('no traces')) }, /no traces/],
    ['a members\' check that does not know', { membersCheck: async () => [{ ...membersFine, verdict: 'unknown', summary: 'cannot tell' }] }, /cannot tell/],
  ]
  for (const [name, options, said] of cases) {
    const run = await fakeRun([...test, '--recovery-timeout', '2'], options)
    t.equal(run.exitCode, 2, `${name}: ${run.lines.join('\n')}`)
    t.match(run.lines.join('\n'), said, name)
  }
})

t.test('the time limit is over before the first fault: unknown', async (t) => {
  const run = await fakeRun(['test', '--env', 'simulated', '--seed', '7', '--time-limit', '1', '--interval', '100'])
  t.equal(run.exitCode, 2)
  t.match(run.lines.join('\n'), /no fault was started/)
})

t.test('bad arguments: a sentence, exit 254, and nothing is started', async (t) => {
  const cases: [string[], RegExp][] = [
    [['test', '--members', '0'], /1 to 9/],
    [['test', '--members', 'three'], /must be a number/],
    [['test', '--rate', '-1'], /rate/],
    [['test', '--workload', 'lists'], /register/],
    [['test', '--nemesis', 'gremlins'], /partition, .*kill, .*all, none/],
    [['test', '--targets', 'thirds'], /halves/],
    [['test', '--concurrency', '2x'], /2n/],
    [['test', '--env', 'cloud'], /simulated/],
    [['test', '--config', 'nowhere.json'], /nowhere\.json/],
    [['test', '--member-config', '{'], /JSON/],
    [['test', '--frobnicate'], /frobnicate/],
    [['test', 'surplus'], /too many arguments/],
    [['frobnicate'], /unknown command/],
    [[], /Usage: splitbrain/],
  ]
  for (const [args, sentence] of cases) {
    const run = await fakeRun(args)
    t.equal(run.exitCode, 254, args.join(' '))
    t.match([...run.errors, ...run.lines].join('\n'), sentence, args.join(' '))
    t.equal(run.fake, null, 'nothing was started')
  }
})

t.test('a fault that cannot be applied here is refused before the cluster starts', async (t) => {
  const cut = await fakeRun(test, { withoutCutLinks: true })
  t.equal(cut.exitCode, 254)
  t.match(cut.errors.join('\n'), /--nemesis partition cannot work here/)
  const kill = await fakeRun([...test, '--nemesis', 'kill'], { withoutKill: true })
  t.equal(kill.exitCode, 254)
  const latency = await fakeRun([...test, '--latency', '10'])
  t.equal(latency.exitCode, 254)
  t.match(latency.errors.join('\n'), /cannot delay/)
  t.equal(latency.fake!.disposed, 1)
  t.throws(() => latency.history(), 'no operation was done')
})

t.test('a workload that cannot work here is refused with a sentence; its own faults do not go with a script', async (t) => {
  const own = await fakeRun([...test, '--workload', 'membership'])
  t.equal(own.exitCode, 254)
  t.match(own.errors.join('\n'), /--workload membership cannot work here: members do not gossip in environment simulated/)
  t.match(own.lines.join('\n'), /faults: kill, pause and partition/)
  const scripted = await fakeRun([...test, '--workload', 'membership', '--faults', '{"faults":[{"at":1,"for":1,"fault":"pause","target":"n1"}]}'])
  t.notMatch(scripted.lines.join('\n'), /faults: kill, pause and partition/)
  t.match(scripted.lines.join('\n'), /1 faults from a script/)
})

t.test('--help and --version: exit 0', async (t) => {
  const help = await fakeRun(['test', '--help'])
  t.equal(help.exitCode, 0)
  for (const said of [/--time-limit/, /majorities-ring/, /register/, /kill/, /Exit codes/]) t.match(help.lines.join('\n'), said)
  t.equal((await fakeRun(['--version'])).exitCode, 0)
  t.match((await fakeRun(['--help'])).lines.join('\n'), /agent/)
})

t.test('a config file in the working directory is used and said, flags win, --config none ignores it', async (t) => {
  const configFile = JSON.stringify({ members: 5, seed: 3, timeLimit: 2, nemesis: [], env: 'simulated' })
  const run = await fakeRun(['test', '--seed', '4'], { configFile })
  t.match(run.lines[0], /splitbrain\.json/)
  t.match(JSON.parse(run.read('plan.json')), { members: 5, seed: 4, timeLimitS: 2, env: 'simulated' })
  const without = await fakeRun([...test, '--config', 'none'], { configFile })
  t.match(JSON.parse(without.read('plan.json')), { members: 3, seed: 7 })
  for (const broken of ['{', '{"memmbers": 3}', '{"members": "three"}']) {
    const refused = await fakeRun(test, { configFile: broken })
    t.equal(refused.exitCode, 254, broken)
    t.match(refused.errors.join('\n'), /splitbrain\.json/)
  }
})

t.test('auto says which environment it took, and why', async (t) => {
  t.match((await fakeRun(['test', '--time-limit', '1', '--nemesis', 'none'])).lines[0], /local .*no engine in tests/)
  t.match((await fakeRun(['test', '--time-limit', '1', '--nemesis', 'none'], { docker: true })).lines[0], /docker/)
})

t.test('the run itself fails: exit 255 with the cause and where the logs are; nothing is left', async (t) => {
  const run = await fakeRun(test, { startFails: true })
  t.equal(run.exitCode, 255)
  t.match(run.errors.join('\n'), /n2 did not answer HTTP/)
  t.match(run.errors.join('\n'), /logs of the members: .*members/)
  t.equal(run.fake!.disposed, 1)
  t.match(JSON.parse(run.read('verdict.json')), { verdict: null, ended: 'failed', error: /n2 did not answer/ })
  const never = await fakeRun([...test, '--recovery-timeout', '3'], { neverServes: true })
  t.equal(never.exitCode, 255)
  t.match(never.errors.join('\n'), /did not begin to serve within 3 s; pending: n1: knows no leader/)
})

t.test('an exception below an operation makes it info, never lost', async (t) => {
  const run = await fakeRun([...test, '--nemesis', 'none', '--time-limit', '1'], { requestThrows: true })
  const infos = run.history().filter((event) => event.type === 'info')
  t.ok(infos.length > 0)
  t.match(infos[0], { error: /a bug in the environment/ })
})

t.test('Ctrl-C in the main phase: healed, torn down, no verdict, exit 130', async (t) => {
  const listeners = new Map<string, () => void>()
  const signals: SignalSource = { on: (signal, listener) => listeners.set(signal, listener), off() {}, exit: (code) => t.fail(`exit ${code}`) }
  const run = await fakeRun(test, { signals, at: { ms: 4000, call: () => listeners.get('SIGINT')!() } })
  t.equal(run.exitCode, 130)
  t.match(run.errors.join('\n'), /interrupted: no verdict/)
  t.equal(run.fake!.disposed, 1)
  const faults = run.history().filter((event) => event.process === 'nemesis').map(({ f }) => f)
  t.equal(faults.filter((f) => f === 'start-partition').length, faults.filter((f) => f === 'stop-partition').length, 'what was broken is mended')
  t.ok(run.history().at(-1)!.time < 5e9, 'at once')
  t.match(JSON.parse(run.read('verdict.json')), { verdict: null, ended: 'interrupted' })
})
