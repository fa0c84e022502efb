import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { plantedBugs } from '../../harness/mutants/bugs.ts'
import { commandLine } from '../../harness/testing/command-line.ts'
import { unpackArchive } from './unpack.ts'

const { edits } = plantedBugs.find(({ name }) => name === 'stale-consistent-reads')!
const script = { faults: [{ at: 1, for: 2, fault: 'partition', value: { target: 'isolate-one', members: ['n2'], links: ['n1>n2', 'n2>n1', 'n3>n2', 'n2>n3'], traffic: 'all' } }] }
/** Of this test alone: others unpack bundles too, at the same time. */
const temporary = mkdtempSync(join(tmpdir(), 'splitbrain-bundle-test-'))
process.env['TMPDIR'] = temporary
t.teardown(() => rmSync(temporary, { recursive: true, force: true }))
const unpackedBundles = () => readdirSync(temporary).filter((name) => name.startsWith('splitbrain-run-bundle-'))

t.test('an invalid run with a bug and faults of somebody\'s own is done again from its bundle, where there is nothing of them', async (t) => {
  using home = commandLine()
  writeFileSync(join(home.directory, 'my bug.json'), JSON.stringify({ edits }))
  writeFileSync(join(home.directory, 'script.json'), JSON.stringify(script))
  const bug = join(home.directory, 'my bug.json')
  const ran = await home.run(['test', '--env', 'simulated', '--mutant', bug, '--nemesis', 'none', '--faults', 'script.json', '--seed', '3', '--time-limit', '4', '--store', 'store', '--no-progress'])
  t.equal(ran.exitCode, 1, ran.said)
  for (const out of ['one.tar.gz', 'two.tar.gz']) t.equal((await home.run(['bundle', 'store/latest', '--out', out])).exitCode, 0)
  t.same(readFileSync(join(home.directory, 'one.tar.gz')), readFileSync(join(home.directory, 'two.tar.gz')), 'the same run is the same bytes')
  t.match((await home.run(['bundle', 'store/latest', '--out', 'one.tar.gz'])).said, /one\.tar\.gz is there already/)

  using elsewhere = commandLine()
  renameSync(join(home.directory, 'one.tar.gz'), join(elsewhere.directory, 'b.tar.gz'))
  const original = readFileSync(join(home.directory, 'store/latest/verdict.json'), 'utf8')
  rmSync(home.directory, { recursive: true })
  const checked = await elsewhere.run(['check', 'b.tar.gz', '--json'])
  t.equal(checked.exitCode, 1, checked.said)
  const results = (text: string) => (JSON.parse(text) as { results: { checker: string, verdict: string, summary: string }[] }).results.map(({ checker, verdict, summary }) => `${checker} ${verdict} ${summary}`)
  t.same(results(checked.lines.join('\n')), results(original), 'judged as it was')

  const replayed = await elsewhere.run(['replay', 'b.tar.gz', '--no-progress'])
  t.equal(replayed.exitCode, 1, replayed.said)
  t.match(replayed.said, /planted bug: my-bug\n/)
  t.match(replayed.said, /replayed: history, faults, logs and traces are the same, byte for byte/)
  t.same(results(readFileSync(join(elsewhere.directory, 'results/store/latest/verdict.json'), 'utf8')), results(original))
  t.same(unpackedBundles(), [], 'what was unpacked is gone')

  mkdirSync(join(elsewhere.directory, 'by hand'))
  const folder = await unpackArchive(join(elsewhere.directory, 'b.tar.gz'), join(elsewhere.directory, 'by hand'))
  t.same(readdirSync(folder).sort(), ['README.txt', 'inputs', 'manifest.json', 'reproduce.sh', 'run'])
  t.match(readFileSync(join(folder, 'README.txt'), 'utf8'), /verdict: +invalid\n(.*\n)*.*npx splitbrain test --env simulated --config none .*--faults inputs\/faults\.json .*--mutant inputs\/mutant\.json --seed 3\n/)
  t.match(JSON.parse(readFileSync(join(folder, 'inputs/mutant.json'), 'utf8')), { name: 'my-bug', edits })
  t.match(JSON.parse(readFileSync(join(folder, 'inputs/faults.json'), 'utf8')), script)
  t.match(JSON.parse(readFileSync(join(folder, 'inputs/options.json'), 'utf8')), { seed: 3, mutant: 'inputs/mutant.json', faults: 'inputs/faults.json' })
  t.equal((await elsewhere.run(['check', folder])).exitCode, 1, 'the folder is as good as the archive')

  writeFileSync(join(folder, 'run', 'extra.txt'), '')
  t.match((await elsewhere.run(['replay', folder])).said, /run\/extra\.txt was not packed with it/)
  rmSync(join(folder, 'run', 'extra.txt'))
  appendFileSync(join(folder, 'run', 'history.jsonl'), '\n')
  t.match((await elsewhere.run(['check', folder])).said, /run\/history\.jsonl is not what it was when it was packed/)
  rmSync(join(folder, 'run', 'history.jsonl'))
  const missing = await elsewhere.run(['replay', folder])
  t.match(missing.said, /run\/history\.jsonl is missing/)
  t.equal(missing.exitCode, 254)
})

t.test('what is no bundle, or no run, is said in a sentence', async (t) => {
  using cli = commandLine()
  writeFileSync(join(cli.directory, 'x.tar.gz'), 'hello')
  mkdirSync(join(cli.directory, 'folder'))
  for (const [args, message] of [
    [['bundle', 'folder'], /folder is no run's directory: there is no plan\.json in it/],
    [['check', 'x.tar.gz'], /x\.tar\.gz is no whole gzipped tar/],
    [['replay', 'x.tar.gz'], /x\.tar\.gz is no whole gzipped tar/],
    [['replay', 'nothing.tar.gz'], /nothing\.tar\.gz is no directory of a run/],
  ] as const) {
    const { exitCode, said } = await cli.run(args)
    t.equal(exitCode, 254, said)
    t.match(said, message)
  }
  t.same(unpackedBundles(), [])
  t.notOk(existsSync(join(cli.directory, 'results')))
})
