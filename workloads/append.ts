import { checkListAppend } from '../harness/checkers/elle/list-append.ts'
import type { CheckResult } from '../harness/checkers/verdict.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import type { ReadConsistency, RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import { decodeList, encodeList, type ListElement } from './encoded-list.ts'
import { KeyRotation } from './key-rotation.ts'
import type { TransactionClient, TransactionOperation } from './ports/transactions.ts'
import { port, type Operation, type OperationOutcome, type SystemClient, type Workload, type WorkScope } from './workload.ts'

/**
 * Transactions over lists, in Jepsen's notation: the value of an operation is
 * `[["append", "k1", 3], ["r", "k2", null]]`. A key holds a whole list as text.
 * A transaction reads its keys at one moment and then writes them under the
 * condition that nobody changed them since.
 */
export const append: Workload = {
  name: 'append',
  about: 'transactions that read and append to lists; all must be strictly serializable (dependency cycles and what they are called)',
  needs: ['transactions'],
  // A list is written anew with each append: short lists, many of them.
  defaults: { keys: 6, opsPerKey: 60 },
  operations: appendOperations,
  finalOperations,
  perform,
  check: checkAppend,
}

type Micro = readonly ['append', string, ListElement] | readonly ['r', string, readonly ListElement[] | null]

const operationsMax = 4
/** Of 100 micro-operations. */
const appendShare = 50
/** Keys that one final transaction reads. */
const finalKeysMax = 16

function appendOperations(plan: RunPlan, random: Random): () => Operation {
  const keys = new KeyRotation(plan.keyCount, plan.opsPerKey)
  let element = 0
  return () => {
    const count = random.between(1, operationsMax + 1)
    const value = Array.from({ length: count }, (): Micro => {
      // The first keys are the busiest: transactions shall meet.
      const key = keys.draw(Math.min(random.between(0, plan.keyCount), random.between(0, plan.keyCount)))
      return random.between(0, 100) < appendShare ? ['append', key, ++element] : ['r', key, null]
    })
    return { f: 'txn', value }
  }
}

/** Every list that was used, some at a time. */
function finalOperations(_plan: RunPlan, history: readonly HistoryEvent[]): Operation[] {
  const keys = new Set<string>()
  for (const { process, type, value } of history) {
    if (process !== 'nemesis' && type === 'invoke') for (const [, key] of value as Micro[]) keys.add(key)
  }
  const all = [...keys]
  return Array.from({ length: Math.ceil(all.length / finalKeysMax) }, (_, i) => ({
    f: 'final-txn', value: all.slice(i * finalKeysMax, (i + 1) * finalKeysMax).map((key): Micro => ['r', key, null]), consistency: 'consistent',
  }))
}

/** A list, and the version by which a write of it is conditioned. */
interface Seen {
  readonly list: readonly ListElement[]
  /** 0: absent. */
  readonly version: number
}

async function perform({ value, consistency: asked }: Operation, client: SystemClient, { plan }: WorkScope): Promise<OperationOutcome> {
  const operations = value as readonly Micro[]
  const consistency = asked ?? plan.consistency
  const keys = [...new Set(operations.map(([, key]) => key))]
  const written = new Set(operations.filter(([f]) => f === 'append').map(([, key]) => key))
  const seen = keys.length === 1 ? await readOne(keys[0]!, client, consistency) : await readAll(keys, port(client, 'transactions'), consistency)
  // Nothing was written yet: whatever went wrong, it did not happen.
  if ('error' in seen) return { type: 'fail', error: `read before the write: ${seen.error}` }
  if (written.size === 0) return { type: 'ok', value: applied(operations, seen.lists).completed }
  // What was appended tells how it is written, so that a seed says it: half of
  // the single writes by the plain API, half of the reads by the write itself.
  const variant = Number(operations.find(([f]) => f === 'append')![2])
  return keys.length === 1 && variant % 2 === 0
    ? writeOne(operations, keys[0]!, seen.lists, client)
    : writeAll(operations, { keys, written, readsLate: variant % 4 < 2 }, seen.lists, port(client, 'transactions'))
}

type SeenLists = { readonly lists: ReadonlyMap<string, Seen> } | { readonly error: string }

async function readOne(key: string, client: SystemClient, consistency: ReadConsistency): Promise<SeenLists> {
  const read = await client.read(key, consistency)
  return read.type === 'ok' ? { lists: new Map([[key, { list: decodeList(read.value), version: read.version ?? 0 }]]) } : read
}

async function readAll(keys: readonly string[], transactions: TransactionClient, consistency: ReadConsistency): Promise<SeenLists> {
  const answer = await transactions.transact(keys.map((key) => ({ verb: 'get', key })), consistency)
  if (answer.type !== 'ok') return answer
  if (!answer.committed) return { error: `a transaction of reads was refused: ${answer.why}` }
  return { lists: new Map(answer.reads.map(({ key, value, version }) => [key, { list: decodeList(value), version: version ?? 0 }])) }
}

async function writeOne(operations: readonly Micro[], key: string, lists: ReadonlyMap<string, Seen>, client: SystemClient): Promise<OperationOutcome> {
  const { completed, after } = applied(operations, lists)
  const { version } = lists.get(key)!
  const swap = await client.compareAndSet(key, encodeList(after.get(key)!), version)
  if (swap.type !== 'ok') return swap
  return swap.swapped ? { type: 'ok', value: completed } : { type: 'fail', error: `the version of ${key} is no longer ${version}` }
}

/**
 * All at one moment: `cas` on what is written. What is only read is either read
 * again by the same transaction, which is then the moment of all its reads, or
 * held to be unchanged.
 */
async function writeAll(
  operations: readonly Micro[], how: { readonly keys: readonly string[], readonly written: ReadonlySet<string>, readonly readsLate: boolean },
  lists: ReadonlyMap<string, Seen>, transactions: TransactionClient,
): Promise<OperationOutcome> {
  const { after } = applied(operations, lists)
  const steps = how.keys.map((key): TransactionOperation => {
    const { version } = lists.get(key)!
    if (how.written.has(key)) return { verb: 'cas', key, value: encodeList(after.get(key)!), version }
    return how.readsLate ? { verb: 'get', key } : { verb: 'check', key, version }
  })
  const answer = await transactions.transact(steps, 'consistent')
  if (answer.type !== 'ok') return answer
  if (!answer.committed) return { type: 'fail', error: answer.why }
  const late = answer.reads.map(({ key, value, version }) => [key, { list: decodeList(value), version: version ?? 0 }] as const)
  return { type: 'ok', value: applied(operations, new Map([...lists, ...late])).completed }
}

/** The operations one after another on what was seen: with their reads filled in, and the lists behind them. */
function applied(operations: readonly Micro[], lists: ReadonlyMap<string, Seen>): { readonly completed: Micro[], readonly after: ReadonlyMap<string, readonly ListElement[]> } {
  const after = new Map([...lists].map(([key, { list }]) => [key, list]))
  const completed = operations.map((operation): Micro => {
    const [f, key, argument] = operation
    const list = after.get(key)!
    if (f === 'r') return ['r', key, list]
    after.set(key, [...list, argument])
    return operation
  })
  return { completed, after }
}

async function checkAppend(history: readonly HistoryEvent[], plan: RunPlan): Promise<CheckResult> {
  const staleReads = plan.consistency === 'stale'
  const result = checkListAppend(history, { staleReads })
  return staleReads ? { ...result, summary: `${result.summary} The reads were stale reads: that they show the past was not held against them.` } : result
}
