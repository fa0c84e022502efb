import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import t from 'tap'
import { aNight, aRun } from '../../results/nights/testing.ts'
import { readNightRecord, type NightRun } from '../../results/nights/night-record.ts'
import { choosePruned, prune, writeRecord, type StoredNight } from './retention.ts'
import { readNights } from './store.ts'
import { parseWebhook, postWebhook, webhookMessage } from './webhook.ts'

const dayMs = 86_400_000

t.test('too old goes; then the oldest, until all fits; what is kept counts', async (t) => {
  const runs = [3, 1, 2].map((day) => ({ directory: `d${day}`, startedMs: day * dayMs, bytes: 100 }))
  const names = (keepDays: number | null, keepBytes: number | null, kept = 0) => choosePruned(runs, { keepDays, keepBytes }, kept, 4 * dayMs).map(({ directory }) => directory)
  t.same(names(null, null), [])
  t.same(names(2, null), ['d1'], 'two days old is not older than two days')
  t.same(names(null, 200), ['d1'])
  t.same(names(null, 200, 50), ['d1', 'd2'])
  t.same(names(null, 10, 1000), ['d1', 'd2', 'd3'], 'and no more than there is')
  t.same(names(1, 100), ['d1', 'd2'])
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ startedMs: fc.nat(100), bytes: fc.nat(100) })), fc.nat(3000), fc.nat(500), async (drawn, keepBytes, kept) => {
    const runs = drawn.map((run, at) => ({ ...run, directory: String(at) }))
    const pruned = choosePruned(runs, { keepDays: null, keepBytes }, kept, 0)
    const left = runs.filter((run) => !pruned.includes(run))
    const bytes = left.reduce((sum, run) => sum + run.bytes, kept)
    assert.ok(bytes <= keepBytes || left.length === 0, 'it fits')
    assert.ok(pruned.every((gone) => left.every((run) => gone.startedMs <= run.startedMs)), 'the oldest went')
  }), { numRuns: 100 })
})

t.test('valid runs of earlier nights go, and their records say so; nothing else is touched', async (t) => {
  const store = t.testdir({ outside: { 'plan.json': '{}' } })
  /** A night with its runs on disk. */
  const made = (name: string, startedAt: string, runs: readonly Partial<NightRun>[]): StoredNight => {
    const all = runs.map((run, at) => {
      const directory = run.directory === undefined ? `nights/${name}/register/r${at}` : run.directory
      if (run.directory === undefined) {
        mkdirSync(join(store, directory!), { recursive: true })
        writeFileSync(join(store, directory!, 'plan.json'), JSON.stringify({ env: 'simulated', workload: 'register', members: 3, nemesis: [], seed: 1, timeLimitS: 1, startedAt }))
        writeFileSync(join(store, directory!, 'verdict.json'), JSON.stringify({ verdict: run.outcome === 'skipped' ? null : run.outcome ?? 'valid' }))
        writeFileSync(join(store, directory!, 'history.jsonl'), 'x'.repeat(1000))
      }
      return aRun({ ...run, directory })
    })
    mkdirSync(join(store, 'nights', name), { recursive: true })
    const file = join(store, 'nights', name, 'night.json')
    return { file, record: writeRecord(file, aNight({ startedAt, runs: all })) }
  }
  const old = made('old', '2026-01-01T00:00:00.000Z', [{}, { outcome: 'invalid' }, { outcome: 'unknown' }, { outcome: 'failed' }, { directory: '../outside' }, { directory: 'nights/old/linked' }, { directory: null }, { directory: 'nights/forged' }])
  const precious = join(store, 'precious')
  mkdirSync(precious)
  writeFileSync(join(precious, 'plan.json'), readFileSync(join(store, 'nights/old/register/r0/plan.json')))
  writeFileSync(join(precious, 'verdict.json'), '{"verdict":"valid"}')
  symlinkSync(precious, join(store, 'nights/old/linked'))
  mkdirSync(join(store, 'nights/forged'))
  writeFileSync(join(store, 'nights/forged/thesis.txt'), 'of a lifetime')
  const older = made('older', '2025-12-01T00:00:00.000Z', [{}])
  symlinkSync('r0', join(store, 'nights/older/register/latest'))
  const tonight = made('tonight', '2026-02-01T00:00:00.000Z', [{}])
  writeFileSync(join(store, 'nights', 'old', 'half.json'), '{')

  const { removed, nights, problems, bytesLeft } = prune(store, [older, old], tonight, { keepDays: 7, keepBytes: 0 }, Date.parse(tonight.record.startedAt))
  t.same(removed.map(({ directory }) => directory), ['nights/older/register/r0', 'nights/old/register/r0'])
  t.same(problems, [])
  t.ok(bytesLeft > 4000, 'three failures and tonight\'s run')
  t.notOk(existsSync(join(store, 'nights/old/register/r0')))
  for (const kept of ['nights/old/register/r1', 'nights/old/register/r2', 'nights/old/register/r3', 'nights/tonight/register/r0/history.jsonl', 'precious/plan.json', 'nights/forged/thesis.txt', 'outside/plan.json', 'nights/old/linked']) t.ok(existsSync(join(store, kept)), kept)
  t.notOk(existsSync(join(store, 'nights/older/register')), 'nor an empty folder with a link to nowhere')
  t.ok(existsSync(older.file), 'the record stays')
  t.equal(nights[1]!.record.runs[0]!.directory, null)
  t.equal(readNightRecord(old.file).runs[0]!.directory, null, 'on disk too')
  t.same(readNights(store).nights.map(({ record }) => record.startedAt), ['2025-12-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'], 'the oldest first')

  writeFileSync(old.file, '{"runs": 7}')
  t.match(readNights(store), { problems: [/is no record of a night/], nights: [{}, {}] })
})

/** A server that answers as it is told, and keeps what it was sent. */
async function hook(t: Pick<typeof import('tap').t, 'teardown'>, answer: (response: ServerResponse) => void) {
  const got: { request: IncomingMessage, body: string }[] = []
  const server = createServer((request, response) => void text(request).then((body) => {
    got.push({ request, body })
    answer(response)
  }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { got, url: parseWebhook(`http://127.0.0.1:${(server.address() as { port: number }).port}/hook/s3cret`) }
}

const bad = aNight({ runs: [aRun({}), aRun({ outcome: 'invalid', seed: 9, env: 'docker', directory: 'nights/x/register/r1', findings: [{ checker: 'linearizability', verdict: 'invalid', summary: 'k1 & <k2> went back', evidence: ['first', 'second', 'third'] }] })] })

t.test('the webhook gets what Slack shows and what programs read', async (t) => {
  const { got, url } = await hook(t, (response) => response.end('ok'))
  t.equal(await postWebhook(url, webhookMessage(bad, 1, 'results/store')), null)
  t.equal(got.length, 1)
  t.match(got[0]!.request, { method: 'POST', url: '/hook/s3cret', headers: { 'content-type': 'application/json' } })
  const body = JSON.parse(got[0]!.body)
  t.match(body, {
    verdict: 'invalid', exitCode: 1, counts: { valid: 1, invalid: 1 },
    failures: [{ outcome: 'invalid', what: 'linearizability: k1 & <k2> went back', evidence: ['first', 'third'], replay: 'npx splitbrain replay results/store/nights/x/register/r1' }],
  })
  t.match(body.text, /1 invalid, 1 valid[\s\S]*k1 &amp; &lt;k2&gt; went back[\s\S]*splitbrain replay/)
})

t.test('a webhook that fails says so, without its address, and in time', async (t) => {
  const refusing = await hook(t, (response) => response.writeHead(403).end())
  t.equal(await postWebhook(refusing.url, webhookMessage(bad, 1, 's')), 'it answered 403')
  t.equal(refusing.got.length, 1, 'and is not asked again')
  const silent = await hook(t, () => {})
  t.equal(await postWebhook(silent.url, webhookMessage(bad, 1, 's'), 50), 'no answer within 0.05 s')
  const gone = await postWebhook(parseWebhook('http://127.0.0.1:1/s3cret'), webhookMessage(bad, 1, 's'))
  t.match(gone, /^it cannot be reached/)
  t.notMatch(gone, /s3cret/)
})
