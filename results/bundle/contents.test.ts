import t from 'tap'
import { changesOf } from './contents.ts'
import { readmeText, reproduceScript, type Reproduction } from './reproduce.ts'

t.test('changes that cannot be those of the run are not given for them', async (t) => {
  await t.rejects(changesOf(null), { name: 'UsageError', message: /not made in a git checkout, or this is none/ })
  await t.rejects(changesOf({ commit: '0'.repeat(40), dirty: true }), { name: 'UsageError', message: /cannot be had any more|this is none/ })
  await t.rejects(changesOf({ commit: '0'.repeat(40), dirty: false }), { name: 'UsageError', message: /without changes|this is none/ })
})

t.test('what it tells of a run that cannot be repeated to the byte, of a killed one, and of changed source', async (t) => {
  const plan = {
    env: 'docker', system: 'consul', workload: 'lock', members: 3, nemesis: ['kill'], nemesisAll: false, partitionTargets: [], memberTargets: [], traffics: ['all'], firewall: null,
    schedule: 'random', intensity: { from: 1, to: 1 }, faultsAtOnce: 1, faultScript: null, nemesisIntervalS: 5, timeLimitS: 9, rate: 5, concurrency: 3, consistency: 'stale', keyCount: 1,
    opsPerKey: 9, operationTimeoutMs: 9, recoveryTimeoutS: 9, checkTimeLimitS: 9, checkMemoryMiB: 9, seed: 77, mutant: null, latencyMs: 0, powerLoss: false, memberConfig: {},
  } as const satisfies Reproduction['plan']
  const about: Reproduction = { plan, workloadDefaults: {}, startedAt: null, versions: { splitbrain: '0.1.0', node: '26.0.0' }, git: { commit: 'abc123', dirty: true }, verdict: null, results: [], hasDiff: false }
  const text = readmeText(about)
  for (const said of [/verdict: +none: it ended before there was one/, /environment docker: the plan and the faults are repeated/, /changes that are not in here/, /The program of consul is no part of it/, /--system consul .*--seed 77/, /commit abc123 with changes/]) t.match(text, said)
  t.match(readmeText({ ...about, hasDiff: true }), /changes, which are in inputs\/changes\.diff/)
  t.match(reproduceScript(about), /^#!\/bin\/sh\n(.*\n)*splitbrain check run\nsplitbrain replay \. /)
})
