import { readFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * What one `splitbrain bench …` measured: `bench.json` in
 * `results/store/bench/<start>/`. Samples are kept, so that records can be put
 * side by side later without knowing what each benchmark does.
 */
export const measurementSchema = z.object({
  /** What was held fixed: `{ members: 3, connections: 64, valueBytes: 16, consistency: 'default', at: 'leader' }`. */
  case: z.record(z.string(), z.union([z.string(), z.number()])),
  /** `throughput`, `latency p99`, `time to a new leader`, `cpu of the leader`, … */
  metric: z.string(),
  /** `/s`, `ms`, `%`, `MiB`, … */
  unit: z.string(),
  /** Null: neither; it only tells. */
  better: z.enum(['higher', 'lower']).nullable(),
  /** One a round, or one an event (a killed leader); in order. */
  samples: z.array(z.number()).min(1),
})

/** Of everything that was measured: where, when, with what. */
export const measuredSchema = z.object({
  env: z.enum(['simulated', 'local', 'docker']),
  system: z.string(),
  /** ISO 8601. */
  startedAt: z.string(),
  tookS: z.number(),
  /** The command that measures it again. */
  rerun: z.string(),
  versions: z.record(z.string(), z.string()),
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  machine: z.object({ cpu: z.string(), cores: z.number(), memoryMiB: z.number(), kernel: z.string(), load: z.array(z.number()) }),
  measurements: z.array(measurementSchema),
  /** What a reader must know: operations that failed, cases that were left out and why. */
  notes: z.array(z.string()),
})

const benchRecordSchema = measuredSchema.extend({
  bench: z.enum(['writes', 'reads', 'election', 'detection', 'recovery']),
})

export type Measurement = Readonly<z.infer<typeof measurementSchema>>
export type BenchRecord = Readonly<z.infer<typeof benchRecordSchema>>
export type BenchName = BenchRecord['bench']

/** Throws an Error with a sentence where the file is none. */
export function readBenchRecord(file: string): BenchRecord {
  try {
    return benchRecordSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new Error(`${file} is no record of a benchmark: ${error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message}.`)
  }
}
