import { checkWatches } from '../harness/checkers/watches.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { Random } from '../node/base/random.ts'
import { KeyRotation } from './key-rotation.ts'
import { port, type Operation, type OperationOutcome, type SystemClient, type Worker, type Workload, type WorkScope } from './workload.ts'

/**
 * Some workers write and delete keys below a few prefixes, some busy, some
 * quiet; the others watch the prefixes with blocking queries, each from the
 * index on that it was last told. Every value is written once in the run.
 */
export const watch: Workload = {
  name: 'watch',
  about: 'blocking queries on prefixes while keys are written and deleted: no change is missed, all see the same order, no index goes back',
  needs: ['watches', 'deletes'],
  defaults: {
    rate: 40,
    // A wait, and the read that a member makes before it says that nothing changed.
    operationTimeout: 6000,
    keys: 3,
    opsPerKey: 120,
  },
  operations: watchWork,
  finalOperations: () => watched.map((key): Operation => ({ f: 'wait', key, value: { waitMs: 0, consistency: 'consistent' } })),
  perform,
  check: checkWatches,
}

/**
 * Prefixes below which keys change: how often in 100, and how often by a delete.
 * On the quiet ones waits run out; and a delete is for long the last change
 * there, of which only the index tells.
 */
const folders = [
  { folder: 'watch/a/', share: 58, deletes: 0.1 }, { folder: 'watch/b/', share: 28, deletes: 0.2 },
  { folder: 'watch/c/', share: 10, deletes: 0.4 }, { folder: 'watch/d/', share: 4, deletes: 0.5 },
] as const
/** And all of them together. */
const watched = ['watch/', ...folders.map(({ folder }) => folder)]

/** How often a watcher turns to another prefix. */
const turnChance = 0.1
/** Of the time that an operation may take: the rest is for what comes before and behind the wait. */
const waitFractionMax = 0.6

function watchWork(plan: RunPlan, random: Random): (worker: Worker) => Operation {
  const keys = folders.map(() => new KeyRotation(plan.keyCount, plan.opsPerKey))
  const watching = new Map<number, string>()
  let value = 0
  const wait = (slot: number): Operation => {
    if (!watching.has(slot) || random.chance(turnChance)) watching.set(slot, random.pick(watched))
    const waitMsMax = Math.max(1, Math.floor(plan.operationTimeoutMs * waitFractionMax))
    return { f: 'wait', key: watching.get(slot)!, value: { waitMs: random.between(Math.ceil(waitMsMax / 4), waitMsMax + 1), consistency: plan.consistency } }
  }
  const change = (): Operation => {
    let left = random.between(0, 100)
    const at = folders.findIndex(({ share }) => (left -= share) < 0)
    const { folder, deletes } = folders[at]!
    const key = `${folder}${keys[at]!.draw(random.between(0, plan.keyCount))}`
    if (random.chance(deletes)) return { f: 'delete', key, value: null }
    value += 1
    return { f: 'write', key, value }
  }
  // The first half watches: with twice as many workers as members one at each.
  return ({ slot }) => plan.concurrency === 1 ? (random.chance(0.3) ? wait(slot) : change())
    : slot < Math.ceil(plan.concurrency / 2) ? wait(slot) : change()
}

interface Asked {
  readonly waitMs: number
  readonly consistency: RunPlan['consistency']
}

async function perform(operation: Operation, client: SystemClient, scope: WorkScope): Promise<OperationOutcome> {
  const key = operation.key!
  switch (operation.f) {
    case 'write': {
      const written = await client.write(key, String(operation.value))
      return written.type === 'ok' ? { type: 'ok' } : written
    }
    case 'delete': {
      const deleted = await port(client, 'deletes').delete(key)
      return deleted.type === 'ok' ? { type: 'ok' } : deleted
    }
    case 'wait': return wait(key, operation.value as Asked, client, scope)
    default: throw new Error(`watch knows no operation ${operation.f}`)
  }
}

async function wait(prefix: string, { waitMs, consistency }: Asked, client: SystemClient, { memory }: WorkScope): Promise<OperationOutcome> {
  const since = memory.get(prefix) as number | undefined ?? 0
  const answer = await port(client, 'watches').wait(prefix, since, waitMs, consistency)
  if (answer.type !== 'ok') return answer
  // One that went back says: begin anew (Consul documentation, "Blocking Queries").
  memory.set(prefix, answer.index < since ? 0 : answer.index)
  return { type: 'ok', value: { since, waitMs, consistency, index: answer.index, entries: answer.entries.map(({ key, value, version }) => [key, decodeValue(value), version]) } }
}

/** What nobody can have written stays as it is: the checker shall see it. */
const decodeValue = (text: string): number | string => /^\d{1,15}$/.test(text) ? Number(text) : text
