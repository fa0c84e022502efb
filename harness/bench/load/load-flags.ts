import type { Command } from 'commander'
import { counts, number, oneOrMoreOf } from '../../plan/flag-values.ts'
import type { ReadConsistency, SystemName } from '../../plan/plan.ts'
import { UsageError } from '../../plan/usage-error.ts'
import { kvRequestsOf, type KvOperation } from './kv-requests.ts'
import type { LoadDimensions, Placement } from './load-cases.ts'

/** What a benchmark of load was asked for, complete. */
export interface LoadOptions {
  readonly dimensions: LoadDimensions
  readonly rounds: number
  /** Of each run. */
  readonly seconds: number
  readonly warmUpS: number
  readonly keyCount: number
  /** Paced runs: shares of the throughput just measured, or rates. */
  readonly paces: readonly Pace[]
}

export type Pace = { readonly kind: 'share', readonly percent: number } | { readonly kind: 'rate', readonly perS: number }

interface LoadFlags {
  readonly connections?: readonly number[]
  readonly valueBytes?: readonly number[]
  readonly at?: readonly Placement[]
  readonly consistency?: readonly ReadConsistency[]
  readonly rounds?: number
  readonly seconds?: number
  readonly warmUp?: number
  readonly keys?: number
  readonly load?: readonly number[]
  readonly rate?: readonly number[]
  readonly quick?: boolean
}

const usual = { connections: [1, 16, 64, 256], valueBytes: [16, 1024, 65_536], rounds: 3, seconds: 3, warmUp: 3, keys: 50, load: [50] } as const
const quick = { ...usual, connections: [1, 64], valueBytes: [16, 65_536], rounds: 2, seconds: 1, warmUp: 1 } as const
/** Consul refuses larger values; etcd's limit is above. */
const valueBytesMax = 512 * 1024
const connectionsMax = 1024

export function addLoadOptions(command: Command, kind: KvOperation['kind']): void {
  const list = (values: readonly number[]) => values.join(',')
  command
    .option('--connections <n,…>', `connections that send at once (default: ${list(usual.connections)})`, counts)
    .option('--value-bytes <n,…>', `sizes of values (default: ${list(usual.valueBytes)})`, counts)
    .option('--at <where>', 'who is asked: leader, spread (over all members), or both with a comma between (default: leader,spread)', oneOrMoreOf<Placement>('leader', 'spread'))
  if (kind === 'read') command.option('--consistency <modes>', 'of reads: default, consistent, stale (default: all that the system tells apart)', oneOrMoreOf<ReadConsistency>('default', 'consistent', 'stale'))
  command
    .option('--rounds <n>', `runs of each case, in alternation with the others (default: ${usual.rounds})`, number)
    .option('--seconds <s>', `length of each run (default: ${usual.seconds})`, number)
    .option('--warm-up <s>', `on each new cluster, before anything is measured (default: ${usual.warmUp})`, number)
    .option('--keys <n>', `keys of each size (default: ${usual.keys})`, number)
    .option('--load <percent,…>', `latency is measured at these shares of the throughput that was just measured (default: ${list(usual.load)})`, counts)
    .option('--rate <n,…>', 'latency is measured at so many requests a second instead: to put systems side by side', counts)
    .option('--quick', `a first look: ${list(quick.connections)} connections, ${list(quick.valueBytes)} bytes, ${quick.rounds} rounds of ${quick.seconds} s`)
}

/** Throws UsageError. `leftOut`: sentences about what was not asked for by name and cannot be done. */
export function readLoadOptions(given: Readonly<Record<string, unknown>>, kind: KvOperation['kind'], system: SystemName): { readonly options: LoadOptions, readonly leftOut: readonly string[] } {
  const flags = given as LoadFlags
  const base = flags.quick === true ? quick : usual
  const { consistencies } = kvRequestsOf[system]
  const unknown = (flags.consistency ?? []).filter((mode) => !consistencies.includes(mode))
  if (unknown.length > 0) throw new UsageError(`--consistency ${unknown.join(',')}: ${system} tells only ${consistencies.join(' and ')} reads apart.`)
  const valueBytes = flags.valueBytes ?? base.valueBytes
  const connections = flags.connections ?? base.connections
  requireAtMost('--value-bytes', valueBytes, valueBytesMax, 'that is the largest value Consul takes')
  requireAtMost('--connections', connections, connectionsMax, 'one process makes the load')
  requireAtMost('--load', flags.load ?? [], 100, 'more cannot be answered, and waiting would grow without end')
  if (flags.load !== undefined && flags.rate !== undefined) throw new UsageError('--load and --rate exclude each other: a paced run has one rate.')
  const options: LoadOptions = {
    dimensions: { connections, valueBytes, at: flags.at ?? ['leader', 'spread'], consistency: kind === 'write' ? [] : flags.consistency ?? consistencies },
    rounds: whole('--rounds', flags.rounds ?? base.rounds),
    seconds: positive('--seconds', flags.seconds ?? base.seconds),
    warmUpS: positive('--warm-up', flags.warmUp ?? base.warmUp),
    keyCount: whole('--keys', flags.keys ?? base.keys),
    paces: flags.rate?.map((perS) => ({ kind: 'rate', perS })) ?? (flags.load ?? base.load).map((percent) => ({ kind: 'share', percent })),
  }
  const missing = kind === 'read' && flags.consistency === undefined ? (['default', 'consistent', 'stale'] as const).filter((mode) => !consistencies.includes(mode)) : []
  return { options, leftOut: missing.map((mode) => `${mode} reads were left out: ${system} tells only ${consistencies.join(' and ')} reads apart.`) }
}

function requireAtMost(flag: string, values: readonly number[], max: number, why: string): void {
  const tooLarge = values.find((value) => value > max)
  if (tooLarge !== undefined) throw new UsageError(`${flag} ${tooLarge}: at most ${max}; ${why}.`)
}

function positive(flag: string, value: number): number {
  if (!(value > 0)) throw new UsageError(`${flag} ${value}: give a number above zero.`)
  return value
}

function whole(flag: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${flag} ${value}: give a whole number above zero.`)
  return value
}
