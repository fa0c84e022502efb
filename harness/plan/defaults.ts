import type { PlanOptions } from './options.ts'

/** Every default of a run, in one place. Units as in the options' names. */
export const planDefaults = {
  env: 'auto',
  system: 'registry',
  members: 3,
  workload: 'register',
  nemesis: ['partition'],
  // A mean of 2.5 s broken and 2.5 s whole gives some six faults in 30 s, most
  // longer than an election.
  interval: 2.5,
  schedule: 'random',
  intensity: 1,
  timeLimit: 30,
  rate: 200,
  concurrency: '2n',
  consistency: 'consistent',
  keys: 8,
  // A key's checking time grows fast with its operations that may have
  // happened; a fresh key after 200 keeps the worst one small.
  opsPerKey: 200,
  // Longer than an election, so that an operation can outlast one; short
  // enough that workers at a cut-off member still do something.
  operationTimeout: 3000,
  recoveryTimeout: 60,
  checkTimeLimit: 60,
  checkMemory: 1024,
  latency: 0,
  powerLoss: false,
  memberConfig: {},
} as const satisfies Partial<PlanOptions>

/**
 * Of many families, so many faults at once: a cluster that has everything
 * broken at all times never does anything that could go wrong.
 */
export const faultsAtOnceOfMany = 3
export const membersMax = 9
export const concurrencyMax = 1024
export const latencyMsMax = 10_000
