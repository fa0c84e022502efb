/**
 * What can be wrong with a history of transactions, and which promises each
 * rules out. Names and meanings: A. Adya, "Weak Consistency" (1999), chapters 3
 * and 4 (G0, G1, G-single, G2); Kingsbury and Alvaro, "Elle" (VLDB 2020), for
 * those of lists and for -process and -realtime, where a cycle needs the order
 * of a worker's own transactions, or that one ended before another began.
 */

import type { EdgeKindName } from './graph.ts'

/** Cycles of dependencies, worst first. */
export const cycleNames = ['G0', 'G1c', 'G-single', 'G-nonadjacent', 'G2-item'] as const
export type CycleName = typeof cycleNames[number]
export type CycleAnomaly = CycleName | `${CycleName}-process` | `${CycleName}-realtime`

/** What is seen without looking for cycles, worst first. */
export const directNames = [
  'garbage-read', 'duplicate-elements', 'cyclic-versions', 'incompatible-order', 'G1a', 'dirty-update', 'G1b', 'internal', 'lost-update',
] as const
export type DirectAnomaly = typeof directNames[number]

export type AnomalyName = DirectAnomaly | CycleAnomaly

/** One thing that was found, and the transactions that show it. */
export interface Anomaly {
  readonly name: AnomalyName
  /** Null where several keys take part. */
  readonly key: string | null
  readonly explanation: readonly string[]
  /** Ids of transactions. */
  readonly transactions: readonly number[]
  /** The elements in question; none: all that these transactions did to the list. */
  readonly elements: readonly number[]
  /** Of a cycle its steps, the last back to the first transaction; else what one of them had of another, if anything. */
  readonly links: readonly Link[]
}

/** Why one transaction comes before another. */
export interface Link {
  /** Ids of transactions. */
  readonly from: number
  readonly to: number
  readonly kind: EdgeKindName
  /** Whose append proves it; -1: the order of a worker or of time does. */
  readonly element: number
}

/** Models of isolation in two chains, weakest first: each promises all that those before it do. */
const weakToStrong = ['read uncommitted', 'read committed', 'read atomic', 'snapshot isolation', 'serializable'] as const
type Model = typeof weakToStrong[number]

/** The weakest of the models that the anomaly rules out. */
const weakestRuledOut: Readonly<Record<DirectAnomaly | CycleName, Model>> = {
  'garbage-read': 'read uncommitted',
  'duplicate-elements': 'read uncommitted',
  'cyclic-versions': 'read uncommitted',
  'incompatible-order': 'read uncommitted',
  G0: 'read uncommitted',
  G1a: 'read committed',
  'dirty-update': 'read committed',
  G1b: 'read committed',
  G1c: 'read committed',
  internal: 'read atomic',
  'lost-update': 'snapshot isolation',
  'G-single': 'snapshot isolation',
  'G-nonadjacent': 'snapshot isolation',
  'G2-item': 'serializable',
}

export const aboutAnomaly: Readonly<Record<DirectAnomaly | CycleName, string>> = {
  'garbage-read': 'an element was read that nobody appended',
  'duplicate-elements': 'an element that was appended once is in a list twice',
  'cyclic-versions': 'two reads saw the same elements in opposite orders',
  'incompatible-order': 'no one order of appends explains what reads saw of a list',
  G0: 'transactions overwrote each other in a circle (dirty write)',
  G1a: 'what an aborted transaction wrote was read',
  'dirty-update': 'a committed transaction built upon what an aborted one wrote',
  G1b: 'a state was read that its transaction went on to change',
  G1c: 'transactions saw each other\'s writes in a circle',
  internal: 'a transaction disagrees with what itself read or wrote before',
  'lost-update': 'several transactions read the same state of a list and each appended to it',
  'G-single': 'a transaction missed a write of another that it otherwise comes after (read skew)',
  'G-nonadjacent': 'transactions missed each other\'s writes in a circle, never twice in a row',
  'G2-item': 'transactions missed each other\'s writes in a circle (write skew)',
}

export function baseName(name: AnomalyName): DirectAnomaly | CycleName {
  return name.replace(/-(process|realtime)$/, '') as DirectAnomaly | CycleName
}

/** `snapshot isolation and serializable, and with them strict serializability`. */
export function ruledOut(name: AnomalyName): string {
  const base = baseName(name)
  const models = weakToStrong.slice(weakToStrong.indexOf(weakestRuledOut[base]))
  if (name.endsWith('-realtime')) return `strict forms (by real time) of: ${models.join(', ')}; so strict serializability`
  if (name.endsWith('-process')) return `forms that keep each worker's order of: ${models.join(', ')}; and with them strict serializability`
  return `${models.join(', ')}; and with them strict serializability`
}

/** For sorting: the worst first; plain before -process before -realtime. */
export function severity(name: AnomalyName): number {
  const base = baseName(name)
  const direct = (directNames as readonly string[]).indexOf(base)
  if (direct >= 0) return direct
  const strictness = name.endsWith('-realtime') ? 2 : name.endsWith('-process') ? 1 : 0
  return directNames.length + strictness * cycleNames.length + cycleNames.indexOf(base as CycleName)
}
