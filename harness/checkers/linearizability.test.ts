import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { seededRandom } from '../../node/base/random.ts'
import type { HistoryEvent, OperationEvent } from '../history/event.ts'
import { readEdn } from '../history/read-edn.ts'
import { readJepsenLog } from '../history/read-jepsen-log.ts'
import { checkLinearizability } from './linearizability.ts'
import { models, type ModelName } from './model.ts'
import { historyOf } from './testing.ts'

const limits = { timeLimitS: 60, memoryMiB: 1024 }
const check = (history: readonly HistoryEvent[], model: ModelName = 'cas-register') => checkLinearizability(history, models[model], limits)

/** Handmade histories that must be rejected, and their neighbours that must be accepted. */
const cases: readonly { readonly name: string, readonly model?: ModelName, readonly verdict: 'valid' | 'invalid' | 'unknown', readonly history: string }[] = [
  { name: 'a read sees the write before it', verdict: 'valid', history: `
      0 invoke write k 1
      0 ok     write k 1
      1 invoke read  k
      1 ok     read  k 1` },
  { name: 'a stale read: the write had returned before the read began', verdict: 'invalid', history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      0 ok     write k 2
      1 invoke read  k
      1 ok     read  k 1` },
  { name: 'the same values at the same time', verdict: 'valid', history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      1 invoke read  k
      1 ok     read  k 1
      0 ok     write k 2` },
  { name: 'two reads in turn see a write appear and go away', verdict: 'invalid', history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      1 invoke read  k
      1 ok     read  k 2
      1 invoke read  k
      1 ok     read  k 1
      0 ok     write k 2` },
  { name: 'an acknowledged write that is lost', verdict: 'invalid', history: `
      0 invoke write k 1
      0 ok     write k 1
      1 invoke read  k
      1 ok     read  k null` },
  { name: 'a write that may have happened shows much later', verdict: 'valid', history: `
      0 invoke write k 1
      0 info   write k 1
      1 invoke write k 2
      1 ok     write k 2
      1 invoke read  k
      1 ok     read  k 1` },
  { name: 'a write that failed must not show', verdict: 'invalid', history: `
      0 invoke write k 1
      0 fail   write k 1
      1 invoke read  k
      1 ok     read  k 1` },
  { name: 'a cas that may have happened need not have', verdict: 'valid', history: `
      0 invoke cas  k [7,8]
      0 info   cas  k [7,8]
      1 invoke read k
      1 ok     read k null` },
  { name: 'two cas from the same value', verdict: 'invalid', history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke cas   k [1,2]
      1 invoke cas   k [1,3]
      0 ok     cas   k [1,2]
      1 ok     cas   k [1,3]` },
  { name: 'keys do not disturb each other', verdict: 'valid', history: `
      0 invoke write a 1
      0 ok     write a 1
      1 invoke read  b
      1 ok     read  b null` },
  { name: 'one bad key among good ones', verdict: 'invalid', history: `
      0 invoke write a 1
      0 ok     write a 1
      1 invoke read  b
      1 ok     read  b 5` },
  { name: 'two holders of a lock', model: 'mutex', verdict: 'invalid', history: `
      0 invoke acquire - 
      0 ok     acquire -
      1 invoke acquire -
      1 ok     acquire -` },
  { name: 'a lock handed on', model: 'mutex', verdict: 'valid', history: `
      0 invoke acquire -
      0 ok     acquire -
      0 invoke release -
      1 invoke acquire -
      1 ok     acquire -
      0 ok     release -` },
  { name: 'an append that is lost', model: 'kv-append', verdict: 'invalid', history: `
      0 invoke append k "a"
      0 ok     append k "a"
      0 invoke append k "b"
      0 ok     append k "b"
      1 invoke get    k
      1 ok     get    k "b"` },
]

for (const { name, model, verdict, history } of cases) {
  t.test(`${verdict}: ${name}`, async (t) => {
    const result = await check(historyOf(history), model)
    t.equal(result.verdict, verdict, result.summary)
    t.equal(result.evidence.length, verdict === 'invalid' ? 1 : 0)
  })
}

t.test('nothing to check is unknown, and so is a run in which nothing completed', async (t) => {
  t.equal((await check([])).verdict, 'unknown')
  const nothing = historyOf('0 invoke write k 1\n0 info write k 1')
  t.equal((await check(nothing)).verdict, 'valid')
  t.equal((await checkLinearizability(nothing, models.register, { ...limits, requireCompleted: true })).verdict, 'unknown')
})

t.test('the limits end in unknown, with the cause', async (t) => {
  // Each append is of an even length, the read of an odd one: every subset of them has to be tried.
  const appends = Array.from({ length: 24 }, (_, i) => `${i} invoke append k "${'aa'.repeat(2 ** i % 251 + i)}"`)
  const hard = historyOf([...appends, '99 invoke get k', `99 ok get k "${'a'.repeat(1001)}"`, ...appends.map((line) => line.replace('invoke', 'ok'))].join('\n'))
  let askedMs = 0
  const time = await checkLinearizability(hard, models['kv-append'], { timeLimitS: 1, memoryMiB: 4096, nowMs: () => (askedMs += 100) })
  t.equal(time.verdict, 'unknown')
  t.match(time.summary, /time allowed/)
  const memory = await checkLinearizability(hard, models['kv-append'], { timeLimitS: 60, memoryMiB: 4, nowMs: () => 0 })
  t.equal(memory.verdict, 'unknown')
  t.match(memory.summary, /memory allowed .* with 0 of 25 operations placed/)
  const nodes = await checkLinearizability(hard, models['kv-append'], { timeLimitS: 60, memoryMiB: 4096, nodesMax: 5000, nowMs: () => 0 })
  t.equal(nodes.verdict, 'unknown')
  t.match(nodes.summary, /the 5\d\d\d configurations allowed .* with 0 of 25 operations placed/)
})

t.test('evidence is small, and says what the key could have been', async (t) => {
  const noise = Array.from({ length: 50 }, (_, i) => `0 invoke write k ${100 + i}\n0 ok write k ${100 + i}\n2 invoke read k\n2 ok read k ${100 + i}`).join('\n')
  const result = await check(historyOf(`${noise}\n1 invoke write k 1\n1 ok write k 1\n1 invoke write k 2\n1 ok write k 2\n3 invoke read k\n3 ok read k 1\n${noise.replaceAll(' 1', ' 2')}`))
  t.equal(result.verdict, 'invalid')
  const [evidence] = result.evidence
  t.ok(evidence!.eventIndexes.length <= 6, `three operations at most: ${evidence!.explanation.join('\n')}`)
  t.match(evidence!.explanation.at(-1), /worker 3's read 1 .* k was 2/)
  t.ok(evidence!.explanation.some((line) => /^worker 3 .*┣━read 1━┫$/.test(line)), `a picture, with the impossible one marked: ${evidence!.explanation.join('\n')}`)
})

/** A correct history of a register, by carrying out each operation at a moment between its events. */
function correctHistory(seed: number): OperationEvent[] {
  const random = seededRandom(seed)
  const events: OperationEvent[] = []
  const state = new Map<string, number | null>()
  const open = new Map<number, { f: string, key: string, input: unknown, output: unknown, done: boolean, fails: boolean }>()
  let next = 1
  const push = (process: number, type: OperationEvent['type'], f: string, key: string, value: unknown) => events.push({ index: events.length, time: events.length, process, type, f, key, value })
  for (let i = 0; i < 300; i++) {
    const process = random.between(0, 5)
    const operation = open.get(process)
    if (operation === undefined) {
      const f = random.pick(['read', 'write', 'cas'])
      const key = random.pick(['a', 'b', 'c'])
      const input = f === 'read' ? null : f === 'write' ? next++ : [state.get(key) ?? null, next++]
      open.set(process, { f, key, input, output: input, done: false, fails: false })
      push(process, 'invoke', f, key, input)
    } else if (!operation.done) {
      operation.done = true
      const held = state.get(operation.key) ?? null
      if (operation.f === 'read') operation.output = held
      else if (operation.f === 'write') state.set(operation.key, operation.input as number)
      else if ((operation.input as unknown[])[0] === held) state.set(operation.key, (operation.input as number[])[1]!)
      else operation.fails = true
    } else {
      open.delete(process)
      push(process, operation.fails ? 'fail' : 'ok', operation.f, operation.key, operation.output)
    }
  }
  return events
}

/** One more read, by a worker of its own, of what another read gives while that one is open: the current value at that moment. */
function readAgain(history: readonly OperationEvent[], seed: number): OperationEvent[] {
  const reads = history.filter((event) => event.f === 'read' && event.type === 'ok')
  const answer = reads[seed % reads.length]!
  const at = history.indexOf(answer)
  const invoked = history.findLastIndex((event, i) => i < at && event.process === answer.process && event.type === 'invoke')
  const again = (event: OperationEvent): OperationEvent => ({ ...event, process: 999 })
  return [...history.slice(0, invoked + 1), again(history[invoked]!), ...history.slice(invoked + 1, at), again(answer), ...history.slice(at)]
}

t.test('laws: renaming keys, values and workers, or reading what is read at the same time once more, changes no verdict; one wrong read makes a good history bad', async (t) => {
  for (let seed = 1; seed <= 30; seed++) {
    const history = correctHistory(seed)
    t.equal((await check(history)).verdict, 'valid', `seed ${seed}`)
    const rename = (value: unknown): unknown => Array.isArray(value) ? value.map(rename) : value === null ? null : `v${value}`
    const renamed = history.map((event) => ({ ...event, process: 40 - event.process, key: `x${event.key}`, value: rename(event.value) }))
    t.equal((await check(renamed)).verdict, 'valid')
    const read = history.findLastIndex((event) => event.f === 'read' && event.type === 'ok')
    const wrong = history.map((event, i) => i === read ? { ...event, value: 9999 } : event)
    t.equal((await check(wrong)).verdict, 'invalid')
    t.equal((await check(readAgain(history, seed))).verdict, 'valid', `seed ${seed}`)
    t.equal((await check(readAgain(wrong, seed))).verdict, 'invalid', `seed ${seed}`)
    const wrongRenamed = wrong.map((event) => ({ ...event, process: 40 - event.process, key: `x${event.key}`, value: rename(event.value) }))
    t.equal((await check(wrongRenamed)).verdict, 'invalid')
  }
})

const recorded = fileURLToPath(new URL('../../../shared/data/histories/', import.meta.url))

t.test('histories recorded by others have their known verdicts', { skip: existsSync(`${recorded}verdicts.json`) ? false : 'the recorded histories are not beside this checkout' }, async (t) => {
  const verdicts = JSON.parse(readFileSync(`${recorded}verdicts.json`, 'utf8')) as Record<string, { format: string, model: string, linearizable: boolean }>
  let checked = 0
  for (const [file, { format, model, linearizable }] of Object.entries(verdicts)) {
    if (!Object.hasOwn(models, model)) continue
    const text = readFileSync(recorded + file, 'utf8')
    const { events } = format === 'edn' ? readEdn(text) : readJepsenLog(text)
    const result = await check(events, model as ModelName)
    t.equal(result.verdict, linearizable ? 'valid' : 'invalid', `${file}: ${result.summary}`)
    checked++
  }
  t.ok(checked >= 74, `${checked} histories`)
})
