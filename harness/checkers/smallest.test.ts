import fc from 'fast-check'
import t from 'tap'
import { seededRandom, type Random } from '../../node/base/random.ts'
import { pairOperations, type PairedOperation } from '../history/operations.ts'
import type { OperationEvent } from '../history/event.ts'
import { asOpen, decide } from './decide.ts'
import { checkLinearizability } from './linearizability.ts'
import { minimize, thinnedOut } from './minimize.ts'
import { models, type Model } from './model.ts'
import { historyOf } from './testing.ts'
import { watchedKey } from './watched-keys.ts'

const limits = { expired: () => false, bytesMax: 256 * 1024 * 1024, nodesMax: Infinity }

/** By trying every order. */
function canBeOrdered(model: Model, operations: readonly PairedOperation[], state = model.initial): boolean {
  const due = Math.min(...operations.map(({ returnPosition }) => returnPosition))
  if (due === Infinity) return true
  return operations.some((operation) => {
    if (operation.invokePosition > due) return false
    const encoded = model.encode(operation)
    const after = encoded === null ? state : model.step(state, encoded)
    return after !== null && canBeOrdered(model, operations.filter((other) => other !== operation), after)
  })
}

/** Whether leaving the others out is sound, as smallest.ts argues it; by the model alone. `isTold`: it says which states operations make. */
function isClosed(model: Model, chosen: readonly PairedOperation[], all: readonly PairedOperation[], isTold: boolean): boolean {
  const changes = (operation: PairedOperation) => {
    const encoded = model.encode(operation)
    return encoded !== null && !model.isPure(encoded)
  }
  return all.every((left) => chosen.includes(left) || !changes(left) || chosen.every((seer) => left.invokePosition > seer.returnPosition
    || (isTold ? model.observed(seer) !== model.written(left) : !model.mayShow(left, seer))))
}

/** Of all sets that prove something, wherever the history is cut, and contradict themselves: the size of the least. */
function smallestByForce(model: Model, all: readonly PairedOperation[]): number {
  let least = Infinity
  const isTold = all.every((operation) => model.written(operation) !== null || model.observed(operation) !== null)
  for (const until of [...all.map(({ returnPosition }) => returnPosition), Infinity]) {
    const cut = all.filter(({ invokePosition }) => invokePosition < until).map((operation) => operation.returnPosition <= until ? operation : asOpen(operation)).filter((operation) => model.encode(operation) !== null)
    for (let mask = 0; mask < 1 << cut.length; mask++) {
      const chosen = cut.filter((_, i) => (mask >> i & 1) === 1)
      if (chosen.length < least && isClosed(model, chosen, cut, isTold) && !canBeOrdered(model, chosen)) least = chosen.length
    }
  }
  return least
}

/** A few operations that overlap, done by nobody: what they saw is mostly what may have been. */
function randomHistory(random: Random, kind: 'register' | 'cas-register' | 'kv-append' | 'watched', count: number, valuesMax: number): OperationEvent[] {
  const one = Array.from({ length: count }, (_, process) => {
    const begin = random.fraction() * 4
    const value = () => random.between(0, valuesMax)
    const f = kind === 'register' ? random.pick(['read', 'read', 'write']) : kind === 'cas-register' ? random.pick(['read', 'read', 'write', 'cas']) : kind === 'watched' ? random.pick(['read', 'read', 'write', 'delete']) : random.pick(['get', 'get', 'put', 'append'])
    const type = random.pick(['ok', 'ok', 'ok', 'ok', 'info'] as const)
    const letters = () => Array.from({ length: random.between(0, 2) }, () => random.pick(['a', 'b'])).join('')
    const input = f === 'write' ? value() : f === 'cas' ? [value(), value()] : f === 'put' || f === 'append' ? random.pick(['a', 'b']) : null
    const output = f === 'read' ? random.pick([null, value(), value(), value()]) : f === 'get' ? letters() : input
    return { begin, end: begin + random.fraction() * 1.5, process, f, type, input, output }
  })
  return one.flatMap(({ begin, end, process, f, type, input, output }) => [
    { time: begin, process, type: 'invoke' as const, f, value: input },
    { time: end, process, type, f, value: type === 'ok' ? output : input },
  ]).sort((a, b) => a.time - b.time).map((event, index) => ({ ...event, index, time: index }))
}

const kinds = { register: models.register, 'cas-register': models['cas-register'], 'kv-append': models['kv-append'], watched: watchedKey } as const

t.test('the claimed smallest is the smallest of all sets that prove anything', async (t) => {
  let smaller = 0
  for (const [kind, model] of Object.entries(kinds) as [keyof typeof kinds, Model][]) {
    const counts = { valid: 0, smallest: 0, irreducible: 0 }
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const random = seededRandom(seed)
      const all = pairOperations(randomHistory(random, kind, random.between(2, 7), random.between(1, 5))).filter((operation) => model.encode(operation) !== null)
      const decision = decide(model, all, limits)
      const least = smallestByForce(model, all)
      if (decision.kind === 'linearizable') {
        counts.valid += 1
        if (least !== Infinity) throw new Error(`${kind}: an order explains all, and none some ${least} of them`)
        return
      }
      if (decision.kind === 'unknown') throw new Error(decision.cause)
      const { operations, size } = minimize(model, decision.suspects, all, limits)
      if (canBeOrdered(model, operations)) throw new Error('the evidence does not contradict itself')
      if (size === 'smallest' && operations.length !== least) throw new Error(`${operations.length} operations are called the smallest, ${least} are enough`)
      if (operations.length < least) throw new Error(`${operations.length} operations prove nothing, the least that do are ${least}`)
      if (size === 'unfinished') throw new Error('unfinished, without a limit')
      counts[size] += 1
      // What is left when nothing more can be taken out one by one is not always the least.
      if (thinnedOut(model, decision.suspects, limits).operations.length > least) smaller += 1
    }), { numRuns: 400 })
    t.ok(counts.valid > 20 && counts.smallest > 60 && counts.irreducible === 0, `${kind}: ${JSON.stringify(counts)}`)
  }
  t.ok(smaller > 0, `${smaller} times removal alone leaves more`)
})

t.test('a history that is too long to try all sets of: what is left can do without none, and no more is said', async (t) => {
  // Two writers by turns, and a read of what was overwritten two writes before: four operations, if none of the other reads helps.
  const lines = Array.from({ length: 900 }, (_, i) => `0 invoke write k ${i}\n1 invoke read k\n0 ok write k ${i}\n1 ok read k ${i}`).join('\n')
  const history = historyOf(`${lines}\n2 invoke write k 5000\n2 ok write k 5000\n3 invoke write k 5001\n4 invoke read k\n4 ok read k 5001\n5 invoke read k\n5 ok read k 5000\n3 ok write k 5001`)
  const { evidence: [evidence] } = await checkLinearizability(history, models.register, { timeLimitS: 60, memoryMiB: 256, threads: 1 })
  t.equal(evidence!.size, 'irreducible')
  t.match(evidence!.explanation.join('\n'), /None of these operations can be left out; whether fewer others contradict each other is not known\./)
  const short = historyOf('0 invoke write k 1\n0 ok write k 1\n0 invoke write k 2\n0 ok write k 2\n1 invoke read k\n1 ok read k 1\n1 invoke read k\n1 ok read k 2')
  const { evidence: [small] } = await checkLinearizability(short, models.register, { timeLimitS: 60, memoryMiB: 256, threads: 1 })
  t.equal(small!.size, 'smallest')
  t.match(small!.explanation.join('\n'), /This is the smallest there is/)
  t.equal(small!.eventIndexes.length, 6, 'two writes and the read of the first')
})
