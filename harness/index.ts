/**
 * What programs may use of splitbrain. The shortest way:
 *
 *   import { run } from 'splitbrain'
 *   const { verdict, results } = await run({ env: 'simulated', seed: 42, nemesis: ['partition'] })
 *
 * A workload or a nemesis of one's own is an object of the type `Workload` or
 * `Nemesis`, given as `run(options, { workloads: [mine] })`.
 */
export { run, type ProgrammedRun, type RunExtras } from './run.ts'
export { InterruptedError, Stop } from './runner/stop.ts'
export type { RunOutcome } from './runner/run-test.ts'
export type { FaultRecord } from './runner/fault-record.ts'
export type { LeaderChange } from './runner/main-phase.ts'
export { planDefaults } from './plan/defaults.ts'
export type { PlanOptions } from './plan/options.ts'
export type { ReadConsistency, RunPlan } from './plan/plan.ts'
export { UsageError } from './plan/usage-error.ts'
export type { CheckResult, Evidence, Verdict } from './checkers/verdict.ts'
export type { HistoryEvent, NemesisEvent, OperationEvent, OperationEventType } from './history/event.ts'
export type {
  Cut, CutLinks, Environment, EnvironmentKind, EnvironmentOptions, HarnessClock, HttpOutcome, HttpRequest, Kill, Link, ShapeLinks, SourceEdit,
} from './environments/environment.ts'
export type { KvClient, KvResult, Operation, OperationOutcome, RunFacts, SystemClient, Workload, Worker, WorkScope } from '../workloads/workload.ts'
export { workloads } from '../workloads/index.ts'
export type { ActiveFault, Fault, Nemesis, NemesisContext } from '../nemesis/nemesis.ts'
export { nemeses } from '../nemesis/index.ts'
export { partitionShapes, type CutPlan, type PartitionShape } from '../nemesis/targets.ts'
export { seededRandom, type Random } from '../node/base/random.ts'
