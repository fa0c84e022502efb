import { checkSets } from '../harness/checkers/set/check-set.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import type { ReadConsistency, RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import { decodeList, encodeList, type ListElement } from './encoded-list.ts'
import { KeyRotation } from './key-rotation.ts'
import { port, type Operation, type OperationOutcome, type SystemClient, type Workload, type WorkScope } from './workload.ts'

/**
 * Sets that only grow, in two ways: sets of even numbers have a key for each
 * element and are read by listing the prefix; the others are one key that every
 * add replaces by compare-and-set. Among an even set's keys others come and go.
 */
export const set: Workload = {
  name: 'set',
  about: 'adds of unique elements to sets, and reads of whole sets: lost, stale, unexpected and duplicated elements, how long until visible',
  needs: ['prefixes', 'deletes'],
  // An answer has the whole set, and so has the history.
  defaults: { keys: 4, opsPerKey: 150 },
  operations: setOperations,
  finalOperations: (_plan, history) => setsIn(history).map((key) => ({ f: 'final-read', key, value: null, consistency: 'consistent' })),
  perform,
  check: async (history, plan) => checkSets(history, { staleReads: plan.consistency === 'stale' }),
}

/** Shares of 100 operations. */
const readShare = 30
const churnShare = 15

const isSpread = (key: string) => Number(key.slice(1)) % 2 === 0

function setOperations(plan: RunPlan, random: Random): () => Operation {
  const sets = new KeyRotation(plan.keyCount, plan.opsPerKey)
  let element = 0
  return () => {
    const key = sets.draw(random.between(0, plan.keyCount))
    const share = random.between(0, 100)
    if (share < readShare) return { f: 'read', key, value: null }
    element += 1
    return { f: share < readShare + churnShare && isSpread(key) ? 'churn' : 'add', key, value: element }
  }
}

async function perform(operation: Operation, client: SystemClient, { plan }: WorkScope): Promise<OperationOutcome> {
  const key = operation.key!
  const consistency = operation.consistency ?? plan.consistency
  switch (operation.f) {
    case 'add': return isSpread(key) ? addKey(key, operation.value as number, client) : addToList(key, operation.value as number, client, consistency)
    case 'churn': return comeAndGo(key, operation.value as number, client)
    case 'read':
    case 'final-read': return isSpread(key) ? readKeys(key, client, consistency) : readList(key, client, consistency)
    default: throw new Error(`set knows no operation ${operation.f}`)
  }
}

async function addKey(set: string, element: number, client: SystemClient): Promise<OperationOutcome> {
  const write = await client.write(`${set}/${element}`, String(element))
  return write.type === 'ok' ? { type: 'ok' } : write
}

/** A neighbour of the elements that nobody asks for. */
async function comeAndGo(set: string, element: number, client: SystemClient): Promise<OperationOutcome> {
  const key = `${set}/${element}${passerBy}`
  const write = await client.write(key, passerBy)
  if (write.type !== 'ok') return write
  const removal = await port(client, 'deletes').delete(key)
  // Half of it has happened.
  return removal.type === 'ok' ? { type: 'ok' } : { type: 'info', error: removal.error }
}

const passerBy = '~'

async function readKeys(set: string, client: SystemClient, consistency: ReadConsistency): Promise<OperationOutcome> {
  const prefix = `${set}/`
  const listed = await port(client, 'prefixes').list(prefix, consistency)
  if (listed.type !== 'ok') return listed
  const value = listed.entries.flatMap(({ key, value: text }): ListElement[] => {
    const name = key.slice(prefix.length)
    if (/^\d+~$/.test(name)) return []
    // What nobody can have written is for the checker to see.
    return name === text && /^\d{1,15}$/.test(text) ? [Number(text)] : [`${name}=${text}`]
  })
  return { type: 'ok', value }
}

async function addToList(key: string, element: number, client: SystemClient, consistency: ReadConsistency): Promise<OperationOutcome> {
  const read = await client.read(key, consistency)
  if (read.type !== 'ok') return { type: 'fail', error: `read before the swap: ${read.error}` }
  const swap = await client.compareAndSet(key, encodeList([...decodeList(read.value), element]), read.version ?? 0)
  if (swap.type !== 'ok') return swap
  return swap.swapped ? { type: 'ok' } : { type: 'fail', error: `the version is no longer ${read.version}` }
}

async function readList(key: string, client: SystemClient, consistency: ReadConsistency): Promise<OperationOutcome> {
  const read = await client.read(key, consistency)
  return read.type === 'ok' ? { type: 'ok', value: decodeList(read.value) } : read
}

/** Those that anybody tried to add to, in order of first use. */
function setsIn(history: readonly HistoryEvent[]): string[] {
  const keys = new Set<string>()
  for (const event of history) if (event.process !== 'nemesis' && event.key !== undefined) keys.add(event.key)
  return [...keys]
}
