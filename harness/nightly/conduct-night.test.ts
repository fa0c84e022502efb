import t from 'tap'
import type { JobEnd } from '../explore/job.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { RunTimes, runningSOf } from './budget.ts'
import { conductNight, type NightPlan, type PlannedRun, type RunEnd } from './conduct-night.ts'
import type { Cell } from './matrix.ts'
import type { PlannedCell } from './preflight.ts'

const planned = (workload: string, refused: string | null = null, env: Cell['env'] = 'simulated'): PlannedCell =>
  ({ cell: { workload, nemesis: ['kill'], members: 3, system: 'registry', env }, timeLimitS: 30, refused, options: {}, rerun: (seed) => `again ${seed}` })
const judged = { kind: 'judged', verdict: 'valid' } as unknown as JobEnd
const failed: JobEnd = { kind: 'failed', id: 0, error: 'it fell over', directory: null }

/** A night in virtual time. */
async function night(plan: Partial<NightPlan>, { takesS, end = () => judged, stopAtS = Infinity }: { readonly takesS: (run: PlannedRun) => number, readonly end?: (run: PlannedRun) => JobEnd, readonly stopAtS?: number }) {
  const time = new VirtualTime()
  const nowS = () => time.nowNs() / 1e9
  const ends: RunEnd[] = []
  const begun: PlannedRun[] = []
  let on = 0
  let onMost = 0
  let containers = 0
  let containersMost = 0
  await time.run(() => conductNight({ cells: [planned('a'), planned('b')], seeds: [1], openEnded: false, budgetS: 1000, jobs: 2, ...plan }, {
    nowS,
    stopped: () => nowS() >= stopAtS ? 'SIGINT' : null,
    onBegin: (run) => begun.push(run),
    onEnd: (end) => ends.push(end),
    perform: async (run) => {
      const isContainer = run.planned.cell.env === 'docker'
      onMost = Math.max(onMost, ++on)
      if (isContainer) containersMost = Math.max(containersMost, ++containers)
      const wholeMs = takesS(run) * 1000
      const untilStopMs = (stopAtS - nowS()) * 1000
      await time.sleep(Math.min(wholeMs, untilStopMs))
      on -= 1
      if (isContainer) containers -= 1
      return wholeMs > untilStopMs ? null : end(run)
    },
  }))
  const told = ends.map(({ run: { planned: { cell }, seed }, how }) => `${cell.workload}${seed} ${how.kind === 'ended' ? how.end.kind : how.begun ? 'torn down' : 'skipped'}`)
  return { ends, begun, told, onMost, containersMost, tookS: nowS() }
}

const whyOf = (end: RunEnd | undefined) => end?.how.kind === 'skipped' ? end.how.why : undefined

t.test('seed by seed, and each run once, whatever becomes of it', async (t) => {
  const { told, onMost } = await night({ seeds: [1, 2, 3] }, { takesS: () => 5, end: ({ seed }) => seed === 2 ? failed : judged })
  t.same(told, ['a1 judged', 'b1 judged', 'a2 failed', 'b2 failed', 'a3 judged', 'b3 judged'], 'nothing is retried')
  t.equal(onMost, 2)
})

t.test('what cannot end within the budget is skipped, with its reason; what is shorter still runs', async (t) => {
  const cells = [planned('long'), planned('short')]
  const { told, ends, tookS } = await night({ cells, seeds: [1, 2], jobs: 1, budgetS: 100 }, { takesS: ({ planned }) => planned.cell.workload === 'long' ? 60 : 5 })
  t.same(told, ['long1 judged', 'short1 judged', 'long2 skipped', 'short2 judged'])
  t.match(whyOf(ends[2]), /^the budget: it is expected to take 1 min 18 s, and 35 s were left$/)
  t.equal(tookS, 70)
})

t.test('seeds without a number: as many rounds as there is room for, and the round that was begun is told as a whole', async (t) => {
  const { told, ends } = await night({ seeds: [1, 2, 3, 4, 5, 6], openEnded: true, jobs: 1, budgetS: 100 }, { takesS: () => 15 })
  t.same(told, ['a1 judged', 'b1 judged', 'a2 judged', 'b2 judged', 'a3 judged', 'b3 judged'])
  t.equal(ends.length, 6, 'the fourth round was never begun')
  const all = await night({ seeds: [1, 2], openEnded: true, jobs: 1, budgetS: 1000 }, { takesS: () => 15 })
  t.equal(all.told.length, 4, 'and there is an end to them')
  const odd = await night({ cells: [planned('a'), planned('b'), planned('c')], seeds: [1, 2, 3], openEnded: true, jobs: 1, budgetS: 70 }, { takesS: () => 15 })
  t.same(odd.told, ['a1 judged', 'b1 judged', 'c1 judged', 'a2 judged', 'b2 skipped', 'c2 skipped'])
})

t.test('containers come one at a time, beside processes', async (t) => {
  const cells = [planned('a', null, 'docker'), planned('b', null, 'docker'), planned('c'), planned('d', null, 'local')]
  const { containersMost, onMost, told } = await night({ cells, seeds: [1, 2], jobs: 3 }, { takesS: ({ planned }) => planned.cell.env === 'docker' ? 60 : 20 })
  t.equal(containersMost, 1)
  t.equal(onMost, 3)
  t.same(told.toSorted(), ['a1 judged', 'a2 judged', 'b1 judged', 'b2 judged', 'c1 judged', 'c2 judged', 'd1 judged', 'd2 judged'])
})

t.test('what cannot be done here is told and never begun; what the machine refuses is asked once', async (t) => {
  const cells = [planned('a', 'etcd has no transactions'), planned('b'), planned('c')]
  const { told, ends, begun } = await night({ cells, seeds: [1, 2], jobs: 1 }, {
    takesS: () => 1, end: ({ planned }) => planned.cell.workload === 'b' ? { ...failed, error: 'no such kernel module', refused: true } : judged,
  })
  t.same(told, ['a1 skipped', 'a2 skipped', 'b1 skipped', 'c1 judged', 'b2 skipped', 'c2 judged'])
  t.equal(whyOf(ends[0]), 'etcd has no transactions')
  t.equal(whyOf(ends[4]), 'no such kernel module')
  t.same(begun.map(({ planned, seed }) => `${planned.cell.workload}${seed}`), ['b1', 'c1', 'c2'])
})

t.test('told to end: what is on is torn down, what was to come is skipped, and all of it is told', async (t) => {
  const { told, ends, tookS } = await night({ seeds: [1, 2] }, { takesS: () => 30, stopAtS: 40 })
  t.same(told, ['a1 judged', 'b1 judged', 'a2 torn down', 'b2 torn down'])
  t.match(whyOf(ends[2]), /torn down after 10 s, without a verdict: SIGINT/)
  t.equal(tookS, 40)
  const early = await night({ seeds: [1, 2] }, { takesS: () => 30, stopAtS: 10 })
  t.same(early.told.toSorted(), ['a1 torn down', 'a2 skipped', 'b1 torn down', 'b2 skipped'])
  t.match(whyOf(early.ends.find(({ run }) => run.seed === 2)), /not begun: SIGINT/)
})

t.test('how long runs take: guessed, then learned of the kind, and of the environment', async (t) => {
  const times = new RunTimes()
  const run = { env: 'docker', workload: 'a', members: 3, timeLimitS: 30 } as const
  t.equal(times.estimateS(run), 75, 'a container must be started and go')
  times.learn({ ...run, tookS: 100 })
  times.learn({ ...run, tookS: 140 })
  t.equal(times.estimateS(run), 120 * 1.3)
  t.equal(times.estimateS({ ...run, workload: 'b', timeLimitS: 60 }), (45 + 90) / 2 + 60)
  t.ok(times.estimateS({ ...run, env: 'simulated' }) < 30)
  t.equal(runningSOf(600), 585)
  t.equal(runningSOf(60), 57)
})
