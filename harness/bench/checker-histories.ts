import type { ModelName } from '../checkers/model.ts'
import type { OperationEvent } from '../history/event.ts'
import { seededRandom } from '../../node/base/random.ts'

export interface GeneratedShape {
  readonly operations: number
  readonly keys: number
  readonly concurrency: number
  /** Of 100 writes and cas that were carried out, or not, how many end `info`. */
  readonly infoPercent: number
  /** Values are drawn from so many; 0: each is written once. */
  readonly values: number
  readonly versions: boolean
  readonly seed: number
}

/** Carries out each operation at one moment between its events: linearizable by construction. */
export function generateRegisterHistory(shape: GeneratedShape): OperationEvent[] {
  const random = seededRandom(shape.seed)
  const events: OperationEvent[] = []
  const held = Array.from({ length: shape.keys }, () => ({ value: null as number | null, version: 0 }))
  const recent: number[][] = Array.from({ length: shape.keys }, () => [])
  interface Running { process: number, f: string, key: number, input: unknown, output: unknown, version: number | undefined, done: boolean, ok: boolean }
  const slots: (Running | null)[] = Array.from({ length: shape.concurrency }, () => null)
  const processes = slots.map((_, i) => i)
  let nextProcess = shape.concurrency
  let begun = 0
  let version = 0
  let next = 0
  let running = 0
  const push = (operation: Running, type: OperationEvent['type'], value: unknown) => events.push({
    index: events.length, time: events.length * 1000, type, process: operation.process, f: operation.f, key: `k${operation.key}`, value,
    ...type === 'ok' && shape.versions && operation.version !== undefined ? { version: operation.version } : {},
  })
  const carryOut = (operation: Running) => {
    operation.done = true
    const object = held[operation.key]!
    if (operation.f === 'read') {
      operation.output = object.value
      operation.version = object.value === null ? undefined : object.version
      return
    }
    const [expected, written] = operation.f === 'cas' ? operation.input as [number, number] : [object.value, operation.input as number]
    operation.ok = expected === object.value
    if (!operation.ok) return
    object.value = written
    object.version = operation.version = ++version
  }
  while (begun < shape.operations || running > 0) {
    const slot = random.between(0, slots.length)
    const operation = slots[slot]
    if (operation === null || operation === undefined) {
      if (begun >= shape.operations) continue
      begun++
      running++
      const key = random.between(0, shape.keys)
      const drawn = random.between(0, 10)
      const f = drawn < 5 ? 'read' : drawn < 8 ? 'write' : 'cas'
      const value = shape.values === 0 ? next++ : random.between(0, shape.values)
      // Of lately written values, so that a good part of the swaps succeed.
      const candidates = recent[key]!
      const input = f === 'read' ? null : f === 'write' ? value : [random.chance(0.5) || candidates.length === 0 ? held[key]!.value : random.pick(candidates), value]
      if (f !== 'read') {
        candidates.push(value)
        if (candidates.length > 4) candidates.shift()
      }
      const fresh: Running = { process: processes[slot]!, f, key, input, output: input, version: undefined, done: false, ok: true }
      slots[slot] = fresh
      push(fresh, 'invoke', input)
    } else if (!operation.done && !(operation.f !== 'read' && random.between(0, 200) < shape.infoPercent)) {
      carryOut(operation)
    } else {
      slots[slot] = null
      running--
      if (operation.f !== 'read' && (!operation.done || random.between(0, 200) < shape.infoPercent)) {
        push(operation, 'info', operation.input)
        processes[slot] = nextProcess++
      } else push(operation, operation.ok ? 'ok' : 'fail', operation.output)
    }
  }
  return events
}

const generated = (name: string, shape: GeneratedShape) => ({
  name, model: 'cas-register' as ModelName, byKey: true, verdict: 'valid' as const, rounds: 3, load: () => generateRegisterHistory(shape),
})

/** What the issue of speed is about: much, and much at the same time. */
export const generatedHistories = [
  generated('1,000,000 operations, 1,000 keys, versions', { operations: 1_000_000, keys: 1000, concurrency: 50, infoPercent: 5, values: 5, versions: true, seed: 1 }),
  generated('100,000 operations, 1 key, 5 % info, each value once', { operations: 100_000, keys: 1, concurrency: 50, infoPercent: 5, values: 0, versions: false, seed: 2 }),
  generated('100,000 operations, 1 key, 5 % info, 5 values', { operations: 100_000, keys: 1, concurrency: 50, infoPercent: 5, values: 5, versions: false, seed: 3 }),
  generated('100,000 operations, 10 keys, 5 % info, 5 values', { operations: 100_000, keys: 10, concurrency: 50, infoPercent: 5, values: 5, versions: false, seed: 4 }),
  generated('100,000 operations, 100 keys, 5 % info, 5 values', { operations: 100_000, keys: 100, concurrency: 50, infoPercent: 5, values: 5, versions: false, seed: 5 }),
]
