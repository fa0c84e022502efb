import t from 'tap'
import { seededRandom, type Random } from '../../node/base/random.ts'
import type { OperationEvent } from '../history/event.ts'
import { pairOperations, type PairedOperation } from '../history/operations.ts'
import { models, type Model } from './model.ts'
import { compile } from './problem.ts'
import { prune } from './prune.ts'
import { search } from './search.ts'

/** By trying every order: obviously right, and slow. */
function linearizableByForce(model: Model, operations: readonly PairedOperation[]): boolean {
  const encoded = operations.map((operation) => model.encode(operation))
  const tryFrom = (state: string, left: readonly number[]): boolean => {
    if (left.every((i) => operations[i]!.returnPosition === Infinity)) return true
    const firstReturn = Math.min(...left.map((i) => operations[i]!.returnPosition))
    return left.some((i) => {
      if (operations[i]!.invokePosition > firstReturn) return false
      const rest = left.filter((other) => other !== i)
      const next = encoded[i] === null ? state : model.step(state, encoded[i]!)
      return next !== null && tryFrom(next, rest)
    })
  }
  return tryFrom(model.initial, operations.map((_, i) => i))
}

type Draw = (random: Random) => { readonly f: string, readonly input: unknown, readonly output: unknown }

const value = (random: Random) => random.between(0, 3)
const draws: Record<keyof typeof models, Draw> = {
  register: (random) => random.chance(0.5) ? { f: 'read', input: null, output: random.chance(0.2) ? null : value(random) } : write(random),
  'cas-register': (random) => {
    const kind = random.between(0, 3)
    if (kind === 0) return { f: 'read', input: null, output: random.chance(0.2) ? null : value(random) }
    if (kind === 1) return write(random)
    const pair = [random.chance(0.2) ? null : value(random), value(random)]
    return { f: 'cas', input: pair, output: pair }
  },
  'kv-append': (random) => {
    const kind = random.between(0, 3)
    const text = random.pick(['', 'a', 'b', 'ab', 'ba', 'aa'])
    if (kind === 0) return { f: 'get', input: null, output: text }
    const piece = random.pick(['a', 'b'])
    return { f: kind === 1 ? 'put' : 'append', input: piece, output: piece }
  },
  mutex: (random) => ({ f: random.chance(0.5) ? 'acquire' : 'release', input: null, output: null }),
}

function write(random: Random) {
  const written = value(random)
  return { f: 'write', input: written, output: written }
}

/** At most `operationsMax` operations of 3 workers; some never complete, some end info, some fail. */
function randomHistory(random: Random, draw: Draw, operationsMax: number): OperationEvent[] {
  const events: OperationEvent[] = []
  const open = new Map<number, { f: string, input: unknown, output: unknown }>()
  let begun = 0
  let worker = 3
  const workers = [0, 1, 2]
  while (begun < operationsMax || (open.size > 0 && random.chance(0.9))) {
    const slot = random.between(0, 3)
    const process = workers[slot]!
    const operation = open.get(process)
    const push = (type: OperationEvent['type'], f: string, at: unknown) => events.push({ index: events.length, time: events.length, process, type, f, value: at })
    if (operation === undefined) {
      if (begun >= operationsMax) continue
      const drawn = draw(random)
      open.set(process, drawn)
      begun++
      push('invoke', drawn.f, drawn.input)
    } else {
      open.delete(process)
      const share = random.between(0, 10)
      if (share < 7) push('ok', operation.f, operation.output)
      else if (share < 8) push('fail', operation.f, operation.input)
      else {
        push('info', operation.f, operation.input)
        workers[slot] = worker++
      }
    }
  }
  return events
}

for (const [name, model] of Object.entries(models)) {
  t.test(`${name}: the search, with and without pruning, agrees with trying every order`, async (t) => {
    const seed = Number(process.env['SPLITBRAIN_TEST_SEED'] ?? 1)
    t.comment(`seed ${seed} (SPLITBRAIN_TEST_SEED)`)
    const random = seededRandom(seed)
    const never = { expired: () => false, bytesMax: Infinity, nodesMax: Infinity }
    const seen = { linearizable: 0, 'not-linearizable': 0 }
    for (let i = 0; i < 12_000; i++) {
      const operations = pairOperations(randomHistory(random, draws[name as keyof typeof models], random.between(1, 8)))
      const expected = linearizableByForce(model, operations) ? 'linearizable' : 'not-linearizable'
      seen[expected]++
      for (const variant of [operations, prune(model, operations)]) {
        const { kind } = search(model, compile(model, variant).problem, never)
        if (kind !== expected) {
          t.fail(`history ${i}: the search says ${kind}, every order says ${expected}`, { operations, pruned: variant !== operations })
          return
        }
      }
    }
    t.ok(seen.linearizable > 1000 && seen['not-linearizable'] > 1000, `both kinds were seen: ${JSON.stringify(seen)}`)
  })
}
