import { z } from 'zod'
import { systemNames } from './plan.ts'
import { UsageError } from './usage-error.ts'

const count = z.int().min(1)
const seconds = z.number().positive()

/** A list, or text with commas: `partition,kill`. */
const names = z.union([z.array(z.string()), z.string().transform((text) => text.split(',').map((name) => name.trim()))])
  .transform((list) => list.filter((name) => name !== ''))

/**
 * What a user may say about a run, by flag or in the config file: the same
 * names, a flag's in kebab case. Everything is optional.
 */
export const planOptionsSchema = z.strictObject({
  env: z.enum(['auto', 'docker', 'local', 'simulated']),
  /** What is tested. */
  system: z.enum(systemNames),
  members: z.int(),
  workload: z.string(),
  /** `none`, or names. */
  nemesis: names,
  /** Whom faults strike, and shapes of partitions: to draw from. */
  targets: names,
  /** What faults on links touch: all, raft, gossip, clients. */
  traffic: names,
  /** Rules of the firewall nemesis. */
  firewall: z.string().min(1),
  /** How faults follow each other. */
  schedule: z.enum(['random', 'fixed']),
  /** 0 to 1, or a ramp: `0.1..1`. */
  intensity: z.union([z.string(), z.number()]),
  /** Most faults at once. */
  atOnce: count,
  /** A file with a script of faults, such a script itself, or the directory of a run whose faults are to be done again. */
  faults: z.string().min(1),
  /** Mean seconds of a fault, and between faults. */
  interval: seconds,
  /** Seconds of the main phase. */
  timeLimit: seconds,
  /** Operations per second over all workers. */
  rate: z.number().positive(),
  /** A number, or a multiple of the members: `2n`. */
  concurrency: z.union([z.string(), z.number()]),
  seed: z.int().min(0).max(0xffff_ffff),
  consistency: z.enum(['default', 'consistent', 'stale']),
  keys: count,
  opsPerKey: count,
  /** Milliseconds. */
  operationTimeout: z.number().positive(),
  /** Seconds. */
  recoveryTimeout: seconds,
  /** Seconds. */
  checkTimeLimit: seconds,
  /** MiB. */
  checkMemory: z.number().positive(),
  /** A planted bug's name, or the path of a file. */
  mutant: z.string().min(1),
  /** Milliseconds, one way, between members. */
  latency: z.number().min(0),
  powerLoss: z.boolean(),
  memberConfig: z.record(z.string(), z.unknown()),
  /** Where run directories go. Not a part of the plan. */
  store: z.string().min(1),
  progress: z.boolean(),
}).partial()

export type PlanOptions = z.infer<typeof planOptionsSchema>

/** Checks types and ranges of each option alone; relations are checked in resolve-plan.ts. */
export function parsePlanOptions(value: unknown, origin: string): PlanOptions {
  const parsed = planOptionsSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return `unknown option ${issue.keys.map((key) => `"${key}"`).join(', ')} (there are ${Object.keys(planOptionsSchema.shape).join(', ')})`
    }
    const path = issue.path.join('.')
    return path === '' ? issue.message : `"${path}": ${issue.message}`
  })
  throw new UsageError(`${origin}: ${problems.join('; ')}.`)
}
