/**
 * How long the append checker takes: `npm run bench:append-checker -- [transactions]`.
 * Histories of an imaginary system that keeps its promise, and of one whose
 * reads are now and then a little old; 30 workers, lists of up to 60 elements.
 * CPU time is counted, so that a busy machine tells the same.
 */
import { seededRandom } from '../../node/base/random.ts'
import { checkListAppend } from '../checkers/elle/list-append.ts'
import type { OperationEvent } from '../history/event.ts'

const workers = 30
const keysAtATime = 10
const appendsPerKey = 60

type Micro = ['append', string, number] | ['r', string, readonly number[] | null]

/** `staleShare`: of reads, that lack the last element. */
function madeHistory(transactions: number, staleShare: number): OperationEvent[] {
  const random = seededRandom(1)
  const events: OperationEvent[] = []
  const lists = new Map<string, readonly number[]>()
  const keys = Array.from({ length: keysAtATime }, (_, i) => `k${i}`)
  const open: (Micro[] | null)[] = Array.from({ length: workers }, () => null)
  let nextKey = keysAtATime
  let element = 0
  const record = (type: OperationEvent['type'], process: number, value: readonly Micro[]) => events.push({ index: events.length, time: events.length * 1000, type, process, f: 'txn', value })
  const carryOut = ([f, key, argument]: Micro): Micro => {
    const list = lists.get(key) ?? []
    if (f === 'r') return [f, key, random.chance(staleShare) ? list.slice(0, -1) : list]
    lists.set(key, [...list, argument as number])
    return ['append', key, argument as number]
  }
  for (let begun = 0; begun < transactions;) {
    const process = random.between(0, workers)
    const running = open[process]!
    if (running !== null) {
      record('ok', process, running.map(carryOut))
      open[process] = null
      continue
    }
    const value = Array.from({ length: random.between(1, 5) }, (): Micro => {
      const slot = random.between(0, keysAtATime)
      if ((lists.get(keys[slot]!)?.length ?? 0) >= appendsPerKey) keys[slot] = `k${nextKey++}`
      return random.chance(0.5) ? ['append', keys[slot]!, ++element] : ['r', keys[slot]!, null]
    })
    open[process] = value
    record('invoke', process, value)
    begun++
  }
  return events
}

const transactions = Number(process.argv[2] ?? 100_000)
for (const [what, staleShare] of [['strictly serializable', 0], ['one read in 10,000 a little old', 1e-4], ['one read in 10 a little old', 0.1]] as const) {
  const history = madeHistory(transactions, staleShare)
  let best = Number.POSITIVE_INFINITY
  let summary = ''
  for (let round = 0; round < 3; round++) {
    const started = process.cpuUsage()
    summary = checkListAppend(history).summary
    const { user, system } = process.cpuUsage(started)
    best = Math.min(best, (user + system) / 1e6)
  }
  console.log(`${transactions} transactions, ${what}: ${best.toFixed(2)} CPU s (best of 3)\n  ${summary}`)
}
