import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fakeRun, type FakeRun } from '../testing/fake-run.ts'

/** Faults on the whole way from arguments to exit code, against a cluster in memory that can carry every fault. */
const test = ['test', '--env', 'simulated', '--seed', '7', '--time-limit', '20', '--interval', '1', '--no-progress']

const records = (run: FakeRun) => run.read('faults.jsonl').trimEnd().split('\n').map((line) => JSON.parse(line))
const begun = (run: FakeRun) => records(run).filter(({ step, error }) => step === 'start' && error === null)
const said = (run: FakeRun) => [...run.lines, ...run.errors].join('\n')

t.test('--nemesis all: what works is drawn from, few at once; the same seed breaks the same things', async (t) => {
  const run = await fakeRun([...test, '--nemesis', 'all', '--time-limit', '60'], { everyCapability: true })
  t.equal(run.exitCode, 0, said(run))
  t.notMatch(said(run), /left out/)
  const names = new Set(begun(run).map(({ name }) => name))
  t.ok(names.size >= 15, [...names].join())
  let on = 0
  let most = 0
  for (const { step, error } of records(run)) {
    if (error !== null) continue
    on += step === 'start' ? 1 : -1
    most = Math.max(most, on)
  }
  t.ok(most >= 2 && most <= 3, `${most} at once`)
  for (const record of begun(run)) t.ok(record.value !== null && record.observed !== null && record.doneNs >= record.askedNs && record.sinceMainS >= 0, JSON.stringify(record))
  t.match(JSON.parse(run.read('plan.json')), { rerun: /--nemesis all / })
  t.same(records(await fakeRun([...test, '--nemesis', 'all', '--time-limit', '60'], { everyCapability: true })), records(run))
})

t.test('--nemesis all where not all works: what is left out is said, with the reason', async (t) => {
  const run = await fakeRun([...test, '--nemesis', 'all'])
  t.match(said(run), /left out of all faults: .*clock \(environment simulated cannot touch a member's clock\)/)
  t.ok(begun(run).length > 0)
  t.same(begun(run).filter(({ name }) => name === 'clock'), [])
  t.equal(run.exitCode, 0, said(run))
})

t.test('a family that cannot work here is refused when it is asked for by name, also in a script', async (t) => {
  for (const args of [['--nemesis', 'clock'], ['--faults', 'script.json']]) {
    const run = await fakeRun([...test, ...args], { files: { 'script.json': JSON.stringify({ faults: [{ at: 1, fault: 'clock' }] }) } })
    t.equal(run.exitCode, 254, said(run))
    t.match(said(run), /clock cannot work here: environment simulated cannot touch a member's clock/)
  }
})

t.test('a script: these faults at these times, and what it leaves open is drawn', async (t) => {
  const script = { faults: [
    { at: 2, for: 3, fault: 'pause', target: 'n2' },
    { at: 4, fault: 'clock', value: { members: ['n1', 'n3'], skew: { kind: 'jump', offsetMs: -5000 }, clocks: 'wall' } },
    { at: 8, for: 1, fault: 'loss' },
  ] }
  const run = await fakeRun([...test, '--faults', 'script.json'], { everyCapability: true, files: { 'script.json': JSON.stringify(script) } })
  t.equal(run.exitCode, 0, said(run))
  t.match(begun(run), [
    { name: 'pause', value: { target: 'n2', members: ['n2'] }, sinceMainS: 2 },
    { name: 'clock', value: { members: ['n1', 'n3'], skew: { kind: 'jump', offsetMs: -5000 }, clocks: 'wall' } },
    { name: 'loss', value: { disturbance: { kind: 'loss' } } },
  ])
  t.same(records(run).filter(({ step }) => step === 'stop').map(({ name }) => name), ['pause', 'loss', 'clock'], 'the clock is set right by the last phase')
  t.match(JSON.parse(run.read('plan.json')), { nemesis: [], faultScript: script, rerun: /--faults \S*script\.json/ })
  const inline = await fakeRun([...test, '--faults', JSON.stringify(script)], { everyCapability: true })
  t.same(records(inline), records(run), 'the same in the option itself')
  t.match(JSON.parse(inline.read('plan.json')), { rerun: /--faults '\{"faults":\[/ })
})

t.test('a recorded run is turned into a script, which makes the same faults at the same times again', async (t) => {
  const first = await fakeRun([...test, '--nemesis', 'all', '--time-limit', '30'], { everyCapability: true })
  const directory = t.testdir()
  mkdirSync(join(directory, 'run'))
  writeFileSync(join(directory, 'run', 'faults.jsonl'), first.read('faults.jsonl'))
  const printed = await fakeRun(['faults', join(directory, 'run')])
  t.equal(printed.exitCode, 0, said(printed))
  const script = join(directory, 'script.json')
  writeFileSync(script, printed.lines.join('\n'))
  t.equal(JSON.parse(readFileSync(script, 'utf8')).faults.length, begun(first).length)
  for (const named of [script, join(directory, 'run')]) {
    const again = await fakeRun([...test, '--faults', named, '--time-limit', '30', '--seed', '99'], { everyCapability: true })
    t.equal(again.exitCode, 0, said(again))
    // One that begins in the very moment in which the main phase ends may find it over.
    const seen = (run: FakeRun) => begun(run).filter(({ sinceMainS }) => sinceMainS < 29.5).map(({ name, value, sinceMainS }) => ({ name, value, at: Math.round(sinceMainS * 10) }))
    t.same(seen(again), seen(first), 'of another seed')
  }
})

t.test('scripts and options that make no sense: a sentence, and 254', async (t) => {
  const refused: [string[], string, RegExp][] = [
    [['--faults', 'nowhere.json'], '', /--faults nowhere\.json cannot be read: .*no such file/],
    [['--faults', '{"faults":7}'], '', /--faults is no script of faults: faults: /],
    [['--faults', '{"faults":'], '', /--faults is not JSON/],
    [['--faults', 'script.json'], '{', /--faults script\.json cannot be read/],
    [['--faults', 'script.json'], '{"faults":[{"fault":"kill"}]}', /script\.json is no script of faults: faults\.0\.at/],
    [['--faults', 'script.json'], '{"faults":[{"at":1,"fault":"kill","target":"n7"}]}', /script\.json does not fit: faults\.0 \(kill at 1 s\): "n7" is no target/],
    [['--firewall', 'drop n1'], '', /--firewall "drop n1": .*from where to where/],
    [['--firewall', 'drop n1>n9'], '', /--firewall .*no member n9/],
    [['--firewall', 'drop n1>n2', '--nemesis', 'kill'], '', /add --nemesis firewall/],
    [['--nemesis', 'all,kill'], '', /"all" stands alone/],
    [['--intensity', '2'], '', /--intensity 2: give a number from 0 to 1/],
    [['--traffic', 'dns'], '', /--traffic dns: .*raft, gossip/],
    [['--targets', 'halves', '--nemesis', 'kill'], '', /add --nemesis partition/],
    [['--targets', 'n1+n9', '--nemesis', 'kill'], '', /--targets n1\+n9/],
    [['--schedule', 'weekly'], '', /weekly/],
  ]
  for (const [args, text, sentence] of refused) {
    const run = await fakeRun([...test, ...args], { everyCapability: true, files: { 'script.json': text } })
    t.equal(run.exitCode, 254, `${args.join(' ')}: ${said(run)}`)
    t.match(said(run), sentence)
  }
  t.equal((await fakeRun(['faults', 'nowhere'])).exitCode, 254)
})

t.test('rules of a user, a ramp, a fixed schedule and targets reach the faults, and the command that runs it again', async (t) => {
  const run = await fakeRun([...test, '--nemesis', 'firewall,kill', '--firewall', 'drop tcp n1>n2:8300; reset clients>n3', '--targets', 'n2,followers', '--schedule', 'fixed', '--intensity', '0.1..1', '--at-once', '1'], { everyCapability: true })
  t.equal(run.exitCode, 0, said(run))
  const rules = begun(run).filter(({ name }) => name === 'firewall').map(({ value }) => value.rules)
  t.ok(rules.length > 0)
  for (const one of rules) t.same(one, ['drop tcp n1>n2:8300', 'reset any clients>n3'])
  for (const { value } of begun(run).filter(({ name }) => name === 'kill')) t.ok(['n2', 'followers'].includes(value.target))
  const { rerun } = JSON.parse(run.read('plan.json'))
  for (const part of [`--firewall 'drop tcp n1>n2:8300; reset clients>n3'`, '--targets n2,followers', '--schedule fixed', '--intensity 0.1..1', '--at-once 1']) t.ok(rerun.includes(part), `${part} in ${rerun}`)
})

t.test('doctor --probe: each kind once, what the probe saw, and what is not to be had', async (t) => {
  const whole = await fakeRun(['doctor', '--probe', '--env', 'simulated', '--json'], { everyCapability: true })
  t.equal(whole.exitCode, 0, said(whole))
  const { rows } = JSON.parse(whole.lines.join('\n'))
  t.ok(rows.length > 60 && rows.every(({ state, broken, mended }: any) => state === 'works' && broken !== undefined && mended !== undefined), JSON.stringify(rows.filter(({ state }: any) => state !== 'works')))
  const bare = await fakeRun(['doctor', '--probe', '--env', 'simulated'])
  t.equal(bare.exitCode, 0, said(bare))
  t.match(said(bare), /^-- {2}clock \(jump back, wall clock\) +environment simulated cannot touch a member's clock$/m)
  t.match(said(bare), /^ok {2}kill .*n\d did not answer.*n\d answered/m)
  const lying = await fakeRun(['doctor', '--probe', '--env', 'simulated'], { everyCapability: true, probeLies: true })
  t.equal(lying.exitCode, 2)
  t.match(said(lying), /^!! {2}pause +the probe saw nothing of: pause n\d/m)
  const soon = await fakeRun(['doctor', '--probe', '--env', 'simulated'], { everyCapability: true, nothingToDamage: 2 })
  t.equal(soon.exitCode, 0, said(soon))
  t.match(said(soon), /^ok {2}damage \(bit flip, log\)/m, 'what cannot be now is tried again')
  const never = await fakeRun(['doctor', '--probe', '--env', 'simulated'], { everyCapability: true, nothingToDamage: Infinity })
  t.equal(never.exitCode, 2, 'what was never tried is not said to work')
  t.match(said(never), /^\?\? {2}damage \(bit flip, log\) +\S/m)
  t.match(said(never), /\d+ work, 0 are not to be had here, 4 could not be tried now, 0 failed/)
})
