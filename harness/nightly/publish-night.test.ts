import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readNightRecord, type NightRecord } from '../../results/nights/night-record.ts'
import { aNight, aRun } from '../../results/nights/testing.ts'
import type { NightOptions } from './night-options.ts'
import { publishNight } from './publish-night.ts'
import { parseWebhook } from './webhook.ts'

/** A night that is over, told into a directory of the test's. */
async function published(t: Pick<typeof import('tap').t, 'testdir'>, record: NightRecord, said: { readonly options?: Partial<NightOptions> | ((home: string) => Partial<NightOptions>), readonly variables?: Readonly<Record<string, string>>, readonly interrupted?: boolean } = {}) {
  const home = t.testdir({ results: { store: { nights: { tonight: {} } } } })
  const printed: string[] = []
  const errors: string[] = []
  const store = join(home, 'results', 'store')
  const directory = join(store, 'nights', 'tonight')
  const options = { budgetS: 600, jobs: 2, keep: 'all', retention: { keepDays: null, keepBytes: null }, webhook: null, junitFile: null, tapFile: null, json: false, store: null, ...typeof said.options === 'function' ? said.options(home) : said.options } as NightOptions
  const variables = Object.fromEntries(Object.entries(said.variables ?? {}).map(([name, value]) => [name, value.replace('HOME', home)]))
  const exitCode = await publishNight({ record, directory, store, earlier: [], interrupted: said.interrupted === true }, options, {
    io: { print: (line) => printed.push(line), error: (line) => errors.push(line) }, workingDirectory: home, variables,
  })
  return { home, directory, exitCode, printed, errors }
}

const bad = aNight({ runs: [aRun({}), aRun({ outcome: 'invalid', seed: 3, findings: [{ checker: 'raft', verdict: 'invalid', summary: 'two leaders', evidence: [] }] })] })

t.test('the exit code: invalid beats a run that failed, that beats unknown, that beats valid; nothing is unknown', async (t) => {
  const of = async (...outcomes: readonly ('valid' | 'invalid' | 'unknown' | 'failed' | 'skipped')[]) => (await published(t, aNight({ runs: outcomes.map((outcome) => aRun({ outcome })) }))).exitCode
  t.equal(await of('valid', 'skipped'), 0)
  t.equal(await of('failed', 'invalid', 'unknown'), 1)
  t.equal(await of('valid', 'unknown'), 2)
  t.equal(await of('unknown', 'failed'), 255)
  t.equal(await of('skipped'), 2)
})

t.test('the record, the files beside it, those that were asked for, and the summary at the end', async (t) => {
  const { home, directory, printed, errors } = await published(t, bad, { options: (home) => ({ junitFile: join(home, 'deep', 'j.xml'), tapFile: join(home, 't.tap') }) })
  t.same(errors, [])
  t.same(readNightRecord(join(directory, 'night.json')), bad)
  for (const file of [...['junit.xml', 'night.tap', 'summary.txt', '../index.html'].map((name) => join(directory, name)), join(home, 'deep', 'j.xml'), join(home, 't.tap')]) t.match(readFileSync(file, 'utf8'), /two leaders/, file)
  t.match(printed.at(-1), /^ {2}replay: npx splitbrain test .*--seed 3$/, 'the last line replays the last failure')
  t.notOk(printed.some((line) => line.startsWith('::')), 'this is not GitHub')
})

t.test('GitHub: annotations and the step\'s summary, which others may have begun', async (t) => {
  const { home, printed, errors } = await published(t, bad, { variables: { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: 'HOME/step.md' } })
  t.ok(printed.some((line) => line.startsWith('::error title=invalid%3A register')))
  t.match(readFileSync(join(home, 'step.md'), 'utf8'), /## splitbrain nightly/)
  t.same(errors, [])
  const json = await published(t, bad, { options: { json: true }, variables: { GITHUB_ACTIONS: 'true' } })
  t.same(JSON.parse(json.printed.join('\n')), bad, 'standard output is the record and nothing else')
  t.ok(json.errors.some((line) => line.startsWith('::error')))
})

t.test('what cannot be told is said, and changes nothing', async (t) => {
  const webhook = { url: parseWebhook('http://127.0.0.1:1/s3cret'), on: 'failure' } as const
  const { exitCode, errors, home } = await published(t, bad, { options: { webhook }, variables: { GITHUB_STEP_SUMMARY: 'HOME/no/such/place' } })
  t.equal(exitCode, 1)
  t.match(errors, [/step's summary could not be written/, /The webhook was not told: it cannot be reached/])
  t.notMatch([...errors, readFileSync(join(home, 'results/store/nights/tonight/night.json'), 'utf8')].join(), /s3cret/)
  t.same((await published(t, aNight({}), { options: { webhook } })).errors, [], 'a night that went well is no failure')
  t.equal((await published(t, aNight({}), { options: { webhook: { ...webhook, on: 'always' } } })).errors.length, 1)
  t.same((await published(t, bad, { options: { webhook }, interrupted: true })).errors, [], 'nobody is told of half a night')
  t.notOk(existsSync(join(home, 'no')))
})
