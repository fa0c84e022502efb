import t from 'tap'
import type { ViewChange } from '../environments/gossip-watch.ts'
import { spreadOf } from '../../results/bench/spread.ts'
import { detection } from './detection.ts'
import { measureSimulated } from './testing-context.ts'
import { brokenBound, detectionOf, mistakesOf } from './view-changes.ts'

const change = (atMs: number, observer: string, member: string, status: ViewChange['status']): ViewChange => ({ observer, member, status, atMs })

t.test('the first who shows a member failed, and the last', async (t) => {
  const changes = [
    change(90, 'n2', 'n1', 'failed'), change(110, 'n2', 'n1', 'suspect'), change(120, 'n3', 'n1', 'suspect'), change(150, 'n3', 'n1', 'failed'),
    change(155, 'n3', 'n4', 'failed'), change(160, 'n1', 'n3', 'failed'), change(170, 'n3', 'n1', 'up'), change(180, 'n2', 'n1', 'failed'), change(190, 'n3', 'n1', 'failed'),
  ]
  t.same(detectionOf(changes, 'n1', ['n2', 'n3'], 100), { suspectedMs: 10, firstMs: 50, allMs: 80 })
  t.same(detectionOf(changes, 'n1', ['n2', 'n3', 'n4'], 100), { suspectedMs: 10, firstMs: 50, allMs: null }, 'n4 never showed it')
  t.same(detectionOf(changes, 'n1', ['n4'], 100), { suspectedMs: null, firstMs: null, allMs: null })
})

t.test('a bound that was not kept is told', async (t) => {
  const bounds = { allMs: 100, spreadMs: 20 }
  const seen = (firstMs: number | null, allMs: number | null) => brokenBound({ suspectedMs: null, firstMs, allMs }, bounds)
  t.equal(seen(85, 100), null)
  t.equal(seen(79, 100), 'spread')
  t.equal(seen(95, 101), 'detection')
  t.equal(seen(50, null), 'detection', 'not by all')
  t.equal(seen(null, null), 'detection')
})

t.test('a mistake is counted once, however many share it, and again when it is made again', async (t) => {
  const changes = [
    change(50, 'n2', 'n1', 'failed'),
    change(110, 'n2', 'n1', 'failed'), change(120, 'n3', 'n1', 'failed'), change(130, 'n2', 'n1', 'up'), change(140, 'n3', 'n1', 'up'),
    change(150, 'n3', 'n2', 'suspect'), change(155, 'n3', 'n2', 'up'),
    change(160, 'n2', 'n1', 'failed'), change(170, 'n4', 'n1', 'failed'), change(180, 'n2', 'n4', 'failed'),
  ]
  // n1 twice; n4 is not among those who are asked about. 20 + 20 + 40 of 3 × 2 × 100 ms.
  t.same(mistakesOf(changes, ['n1', 'n2', 'n3'], 100, 200), { count: 2, share: 80 / 600 })
  t.same(mistakesOf([], ['n1', 'n2'], 100, 100), { count: 0, share: 0 })
})

const args = ['--times', '4', '--watch-seconds', '20', '--loss', '0,30', '--slow-ms', '1000,5000']

t.test('who is silent is detected by all within the bound', async (t) => {
  const measured = await measureSimulated(detection, { members: [5, 12], args })
  for (const members of [5, 12]) {
    for (const fault of ['kill', 'cut']) {
      const samples = (metric: string) => measured.samples(metric, { members, fault })
      const all = samples('time to detection by all')
      const [boundMs] = samples('bound of detection by all')
      t.equal(all.length, 4)
      t.ok(all.every((value, i) => value <= boundMs! && value >= samples('time to the first detection')[i]!))
      // Suspicion lasts four probe intervals at least, and begins with a probe that failed.
      t.ok(samples('time to the first detection').every((value, i) => value > 4000 && value >= samples('time to the first suspicion')[i]! + 4000))
      t.same(samples('detected by all'), [100])
    }
    t.same(measured.samples('slow members given up by all', { members, fault: 'slow by 5000 ms' }), [100], 'a refutation that is ten seconds late comes too late')
    t.ok(measured.samples('time to the first suspicion', { members, fault: 'slow by 1000 ms' }).length > 0)
    t.same(measured.samples('members called failed by mistake', { members, lossPercent: 0 }), [0, 0])
    t.equal(measured.samples('members called failed by mistake', { members, lossPercent: 30 }).length, 2)
  }
  t.notOk(measured.notes.some((note) => /bound/.test(note)), measured.notes.join('\n'))
})

t.test('the same seed measures the same, another seed another', async (t) => {
  const measured = async (seed: number) => (await measureSimulated(detection, { members: [5], seed, args: ['--times', '1', '--watch-seconds', '10', '--loss', '30', '--slow-ms', '5000'] })).measurements
  const first = await measured(1)
  t.same(await measured(1), first)
  t.notSame(await measured(2), first)
})

t.test('members that suspect for longer detect later', async (t) => {
  const median = async (memberConfig: Record<string, unknown>) =>
    spreadOf((await measureSimulated(detection, { members: [5], memberConfig, args: ['--times', '4', '--watch-seconds', '0', '--faults', 'kill'] })).samples('time to detection by all')).median
  const usual = await median({})
  const slow = await median({ gossip_lan: { suspicion_mult: 16 } })
  t.ok(slow > usual + 10_000, `${usual} ms, and ${slow} ms`)
})

t.test('members that lose nearly everything call others failed by mistake, and that is counted', async (t) => {
  const { samples } = await measureSimulated(detection, { members: [6], args: ['--times', '1', '--faults', 'kill', '--loss', '85', '--watch-seconds', '60'] })
  t.ok(samples('members called failed by mistake')[0]! > 0)
  t.ok(samples('views that are wrong')[0]! > 0)
})

t.test('wrong flags are refused with a sentence', async (t) => {
  await t.rejects(measureSimulated(detection, { members: [5], args: ['--faults', 'burn'] }), /no "burn"; there are kill, cut, slow\./)
  await t.rejects(measureSimulated(detection, { members: [5], args: ['--loss', '5,100'] }), /--loss 100: give a number from 0 to 99\./)
  await t.rejects(measureSimulated(detection, { members: [5], memberConfig: { gossip_lan: { probe_interval: 'often' } } }), /--member-config: gossip_lan\.probe_interval is "often"/)
  await t.rejects(measureSimulated(detection, { members: [5], memberConfig: { gossip_lan: { probe_timeout: '2s' } } }), { name: 'UsageError', message: /--member-config: .*probe_timeout/ })
  await t.rejects(measureSimulated(detection, { members: [1] }), /nobody to watch/)
})
