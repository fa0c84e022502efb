import fc from 'fast-check'
import t from 'tap'
import type { ScriptedFault } from '../../nemesis/script.ts'
import { describeCandidate, membersMinOfScript, optionsOfCandidate, smaller, type Candidate } from './candidate.ts'
import { shrink } from './shrink.ts'

const fault = (at: number, name: string, seconds?: number): ScriptedFault => ({ at, ...seconds === undefined ? {} : { for: seconds }, fault: name, value: { members: ['n2'] } })
const start: Candidate = {
  faults: [fault(2, 'kill', 3), fault(6, 'pause', 2), fault(11, 'partition', 4), fault(17, 'clock'), fault(20, 'kill', 1)],
  members: 5, timeLimitS: 30, rate: 200, keys: 8, concurrency: 10,
}

/** Shrinks against a bug that is known. */
async function shrunk(shows: (candidate: Candidate) => boolean, budgetTrials = Infinity) {
  let trials = 0
  const seen: Candidate[] = []
  const best = await shrink(start, budgetTrials, {
    trial: async (candidate) => {
      trials += 1
      return { shown: shows(candidate) ? 1 : 0, runs: 1 }
    },
    onSmaller: (candidate) => seen.push(candidate),
    nowMs: () => trials,
    stopped: () => false,
  })
  return { best, trials, seen }
}

const names = ({ faults }: Candidate) => faults.map((one) => one.fault)

t.test('only what the bug needs is left, as short and as small as it can be', async (t) => {
  // A pause, and later a partition of more than 1.5 s.
  const { best, trials } = await shrunk(({ faults, members }) => {
    const pause = faults.find((one) => one.fault === 'pause')
    return members >= 3 && pause !== undefined && faults.some((one) => one.fault === 'partition' && one.at > pause.at && (one.for ?? 99) > 1.5)
  })
  t.same(names(best), ['pause', 'partition'])
  t.match(best, { members: 3, rate: 20, keys: 1, concurrency: 2 })
  t.equal(best.faults[0]!.at, 0.5)
  t.equal(best.faults[0]!.for, 0.1)
  t.equal(best.faults[1]!.for, 1.6)
  t.ok(best.timeLimitS < 9, `${best.timeLimitS} s`)
  t.ok(trials < 600, `${trials} trials`)
})

t.test('a bug that needs no fault at all; one that needs everything', async (t) => {
  t.same(names((await shrunk(() => true)).best), [])
  const all = await shrunk(({ faults, members, rate, keys }) => faults.length === 5 && members === 5 && rate === 200 && keys === 8)
  t.same(names(all.best), names(start))
  t.match(all.best, { members: 5, rate: 200, keys: 8 })
})

t.test('it ends with the time, and with what it had by then', async (t) => {
  const { best, trials, seen } = await shrunk(({ faults }) => faults.some((one) => one.fault === 'kill'), 5)
  t.ok(trials <= 6)
  t.same(best, seen.at(-1) ?? start)
})

t.test('whatever the bug needs, what is found still has it, and no fault more', async (t) => {
  await fc.assert(fc.asyncProperty(fc.subarray([0, 1, 2, 3, 4]), async (needed) => {
    const wanted = needed.map((at) => start.faults[at]!)
    const has = (faults: readonly ScriptedFault[]) => {
      let at = 0
      for (const one of faults) if (at < wanted.length && one.fault === wanted[at]!.fault) at += 1
      return at === wanted.length
    }
    const { best } = await shrunk(({ faults }) => has(faults))
    t.same(names(best), wanted.map((one) => one.fault))
  }), { numRuns: 32 })
})

t.test('the example is the candidate itself, to a tenth of a second', async (t) => {
  const { example } = smaller(start)
  t.same(example.faults, start.faults)
  t.equal(example.timeLimitS, 30)
})

t.test('a candidate as options: the script in place of what was drawn', async (t) => {
  const options = optionsOfCandidate({ env: 'simulated', nemesis: ['all'], targets: ['leader'], traffic: ['raft'], seed: 1, mutant: 'm' }, start, 9)
  t.match(options, { env: 'simulated', nemesis: ['none'], seed: 9, mutant: 'm', members: 5, timeLimit: 30 })
  t.same(Object.keys(options).filter((name) => name === 'targets' || name === 'traffic'), [])
  t.same(JSON.parse(options.faults!), { faults: start.faults })
})

t.test('members that a script names must be there', async (t) => {
  t.equal(membersMinOfScript([]), 3)
  t.equal(membersMinOfScript([{ at: 0, fault: 'partition', value: { links: ['n1>n5', 'n4>n1'] } }]), 5)
})

t.test('in words', async (t) => {
  t.equal(describeCandidate({ ...start, faults: start.faults.slice(0, 1), keys: 1 }), '1 fault, 5 members, 30 s, 200 operations/s on 1 key by 10 workers')
})
