import type { Random } from '../../node/base/random.ts'
import type { OperationEvent } from '../history/event.ts'
import { pairOperations, type PairedOperation } from '../history/operations.ts'
import { decide, prepareSearch, type Method } from './decide.ts'
import { models, type Model, type ModelName } from './model.ts'
import { compile } from './problem.ts'
import { search } from './search.ts'

/**
 * Small random histories, judged by the checker and by a reference that is too
 * simple to be wrong. For the tests, and for `npm run bench:agreement`.
 */
export interface AgreementCounts {
  histories: number
  linearizable: number
  /** Of both kinds, how many were decided how. */
  readonly methods: Record<Method, number>
}

export class DisagreementError extends Error {
  override readonly name = 'DisagreementError'
  readonly history: readonly OperationEvent[]

  constructor(message: string, history: readonly OperationEvent[]) {
    super(`${message}\n${history.map((event) => JSON.stringify(event)).join('\n')}`)
    this.history = history
  }
}

const never = { expired: () => false, bytesMax: Infinity, nodesMax: Infinity }

/** Judges one more history of the model. Throws DisagreementError. */
export function checkOne(name: ModelName, random: Random, counts: AgreementCounts): void {
  const model = models[name]
  const history = randomHistory(random, name, random.between(1, 9))
  const operations = pairOperations(history)
  const expected = linearizableByForce(model, operations) ? 'linearizable' : 'not-linearizable'
  const decision = decide(model, operations, never)
  const { problem, conclude } = prepareSearch(model, operations)
  const answers = {
    'the checker': decision.kind,
    'the search after pruning': conclude(search(model, problem, never)).kind,
    'the search': search(model, compile(model, operations).problem, never).kind,
  }
  for (const [who, answer] of Object.entries(answers)) {
    if (answer !== expected) throw new DisagreementError(`${name}: ${who} says ${answer}, every order says ${expected}`, history)
  }
  if (decision.kind === 'not-linearizable' && linearizableByForce(model, decision.suspects)) {
    throw new DisagreementError(`${name}: the suspects are linearizable: ${JSON.stringify(decision.suspects)}`, history)
  }
  counts.histories++
  if (expected === 'linearizable') counts.linearizable++
  if (decision.kind !== 'unknown') counts.methods[decision.method]++
}

/** By trying every order: obviously right, and slow. */
export function linearizableByForce(model: Model, operations: readonly PairedOperation[]): boolean {
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

/** What each operation answers: as an object would that carries them out, or anything. */
interface Running {
  readonly process: number
  readonly f: string
  readonly input: unknown
  output: unknown
  version: number | null
  done: boolean
  fails: boolean
}

/** An object that carries operations out, one at a time. */
interface SmallObject {
  value: unknown
  version: number
}

/** Which versions answers tell. `quiet`: as Consul's, which tells writes none and does not count a write of the same value. */
type VersionStyle = 'none' | 'all' | 'quiet' | 'garbage'

/**
 * At most `operationsMax` operations of 3 workers; some never complete, some
 * end info, some fail. Half of the histories are carried out by a correct
 * object, of which half have one answer changed; the other half answers at random.
 */
export function randomHistory(random: Random, name: ModelName, operationsMax: number): OperationEvent[] {
  const style: VersionStyle = random.pick(['none', 'all', 'quiet', 'garbage'])
  const isCorrect = random.chance(0.6)
  const valueCount = random.chance(0.3) ? 1000 : 3
  const object: SmallObject = { value: name === 'kv-append' ? '' : null, version: 0 }
  const events: OperationEvent[] = []
  const workers = [0, 1, 2]
  const open = new Map<number, Running>()
  let begun = 0
  let worker = 3
  while (begun < operationsMax || (open.size > 0 && random.chance(0.9))) {
    const slot = random.between(0, 3)
    const process = workers[slot]!
    const running = open.get(process)
    const push = (type: OperationEvent['type'], operation: Running, value: unknown) => events.push({
      index: events.length, time: events.length, process, type, f: operation.f, value,
      ...type === 'ok' && operation.version !== null ? { version: operation.version } : {},
    })
    if (running === undefined) {
      if (begun >= operationsMax) continue
      const operation = draw(random, name, process, valueCount, object)
      open.set(process, operation)
      begun++
      push('invoke', operation, operation.input)
    } else if (!running.done && random.chance(0.9)) {
      running.done = true
      if (isCorrect) carryOut(running, object, style)
      else if (style !== 'none' && random.chance(0.7)) running.version = random.between(1, 6)
    } else {
      open.delete(process)
      const share = random.between(0, 10)
      if (running.fails || (!running.done && share < 5)) push('fail', running, running.input)
      else if (share < 8 && running.done) push('ok', running, running.output)
      else {
        push('info', running, running.input)
        workers[slot] = worker++
      }
    }
  }
  if (style === 'garbage' || (isCorrect && random.chance(0.5))) spoil(random, events, style)
  return events
}

function draw(random: Random, name: ModelName, process: number, valueCount: number, object: SmallObject): Running {
  const running = (f: string, input: unknown, output: unknown): Running => ({ process, f, input, output, version: null, done: false, fails: false })
  const value = () => random.between(0, valueCount)
  const kind = random.between(0, 3)
  switch (name) {
    case 'mutex': return running(random.chance(0.5) ? 'acquire' : 'release', null, null)
    case 'kv-append': {
      if (kind === 0) return running('get', null, random.pick(['', 'a', 'b', 'ab', 'ba', 'aa', 'aba']))
      const piece = random.pick(['a', 'b', ''])
      return running(random.chance(0.7) ? 'append' : 'put', piece, piece)
    }
    case 'register':
    case 'cas-register': {
      if (kind === 0) return running('read', null, random.chance(0.2) ? null : value())
      const written = random.chance(0.03) ? null : value()
      if (kind === 1 || name === 'register') return running('write', written, written)
      const pair = [random.chance(0.5) ? object.value : random.chance(0.2) ? null : value(), written]
      return running('cas', pair, pair)
    }
  }
}

function carryOut(running: Running, object: SmallObject, style: VersionStyle): void {
  const set = (value: unknown) => {
    if (style !== 'quiet' || object.value !== value) object.version++
    object.value = value
    if (style !== 'quiet' && style !== 'none') running.version = object.version
  }
  const input = running.input
  switch (running.f) {
    case 'read':
    case 'get':
      running.output = object.value
      running.version = style === 'none' || object.value === null ? null : object.version
      return
    case 'write':
    case 'put':
      return set(input)
    case 'append':
      return set(`${object.value as string}${input as string}`)
    case 'acquire':
    case 'release': {
      const wanted = running.f === 'acquire' ? null : 'held'
      if (object.value === wanted) object.value = wanted === null ? 'held' : null
      else running.fails = true
      return
    }
    default: {
      const [expected, next] = input as [unknown, unknown]
      if (expected === object.value) set(next)
      else running.fails = true
    }
  }
}

/** Changes an answer's value, or its version. */
function spoil(random: Random, events: OperationEvent[], style: VersionStyle): void {
  const answers = events.map((event, i) => event.type === 'ok' ? i : -1).filter((i) => i >= 0)
  if (answers.length === 0) return
  const at = random.pick(answers)
  const event = events[at]!
  if (style !== 'none' && random.chance(0.5)) events[at] = { ...event, version: random.between(1, 6) }
  else if (event.f === 'read') events[at] = { ...event, value: random.chance(0.2) ? null : random.between(0, 3) }
  else if (event.f === 'get') events[at] = { ...event, value: random.pick(['', 'a', 'b', 'ab', 'ba']) }
}
