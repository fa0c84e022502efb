/**
 * `npm run bench:checker -- [--histories DIR] [--only WORD] [--rounds N]`: how
 * long the linearizability checker takes, from events to verdict, without
 * reading and parsing files: medians after a warm-up. The recorded histories
 * (verdicts.json and its folders) are looked for in DIR, by default beside
 * the checkout; where they are absent only the generated ones are measured.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { checkLinearizability } from '../checkers/linearizability.ts'
import { models, type ModelName } from '../checkers/model.ts'
import type { HistoryEvent } from '../history/event.ts'
import { readEdn } from '../history/read-edn.ts'
import { readJepsenLog } from '../history/read-jepsen-log.ts'
import { generatedHistories } from './checker-histories.ts'

const { values: flags } = parseArgs({ options: { histories: { type: 'string' }, only: { type: 'string' }, rounds: { type: 'string', default: '9' } } })
const recorded = flags.histories ?? fileURLToPath(new URL('../../../shared/data/histories/', import.meta.url))

interface Case {
  readonly name: string
  readonly model: ModelName
  readonly byKey: boolean
  readonly verdict: 'valid' | 'invalid' | 'unknown'
  /** Loaded when its turn comes: the large ones do not lie about. */
  readonly load: () => readonly HistoryEvent[]
  /** Fewer for those that take seconds. */
  readonly rounds: number
}

function recordedCases(rounds: number): Case[] {
  const index = `${recorded}/verdicts.json`
  if (!existsSync(index)) {
    console.log(`no recorded histories: ${index} is absent (--histories DIR)`)
    return []
  }
  const verdicts = JSON.parse(readFileSync(index, 'utf8')) as Record<string, { format: string, model: ModelName, linearizable: boolean }>
  return Object.entries(verdicts).flatMap(([file, { format, model, linearizable }]) => {
    const load = () => {
      const text = readFileSync(`${recorded}/${file}`, 'utf8')
      return (format === 'edn' ? readEdn(text) : readJepsenLog(text)).events
    }
    const byKey: Case = { name: file, model, byKey: true, verdict: linearizable ? 'valid' : 'invalid', load, rounds }
    return model === 'kv-append' ? [byKey, { ...byKey, name: `${file} --no-partition`, byKey: false }] : [byKey]
  })
}

/** Median ms of several checks. The last one tells the rest. */
async function measure({ name, model, byKey, verdict, load, rounds }: Case): Promise<{ medianMs: number, cpuMs: number, line: string }> {
  const history = load()
  const times: number[] = []
  const cpuTimes: number[] = []
  let peakMiB = 0
  let summary = ''
  for (let round = 0; round < rounds; round++) {
    globalThis.gc?.()
    const startMs = performance.now()
    const startCpu = process.cpuUsage()
    const result = await checkLinearizability(history, models[model], { timeLimitS: 60, memoryMiB: 1024, byKey })
    times.push(performance.now() - startMs)
    const { user, system } = process.cpuUsage(startCpu)
    cpuTimes.push((user + system) / 1000)
    peakMiB = Math.max(peakMiB, process.memoryUsage().rss / 2 ** 20)
    if (result.verdict !== verdict) summary = ` WRONG: ${result.verdict} instead of ${verdict}: ${result.summary}`
    else summary = ` ${JSON.stringify(result.details)}`
    if (times[0]! > 60_000) break
  }
  const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1]!
  const medianMs = median(times)
  const cpuMs = median(cpuTimes)
  return { medianMs, cpuMs, line: `${medianMs.toFixed(2).padStart(10)} ms (best ${times[0]!.toFixed(2)}, CPU ${cpuMs.toFixed(2)})  ${name}  (${history.length} events, ${times.length} rounds, ${verdict}, RSS ${peakMiB.toFixed(0)} MiB)${summary}` }
}

const cases = [...recordedCases(Number(flags.rounds)), ...generatedHistories].filter(({ name }) => flags.only === undefined || name.includes(flags.only))
for (const each of cases.filter((candidate) => candidate.rounds >= 5)) await measure({ ...each, rounds: 2 })
const totals = new Map<string, { medianMs: number, cpuMs: number }>()
for (const each of cases) {
  const { medianMs, cpuMs, line } = await measure(each)
  const folder = each.name.includes('/') ? each.name.slice(0, each.name.indexOf('/')) : ''
  const total = totals.get(folder) ?? { medianMs: 0, cpuMs: 0 }
  if (folder !== '') totals.set(folder, { medianMs: total.medianMs + medianMs, cpuMs: total.cpuMs + cpuMs })
  if (cpuMs > 5 || line.includes('WRONG') || folder === '' || folder === 'kv') console.log(line)
}
for (const [folder, { medianMs, cpuMs }] of totals) console.log(`${medianMs.toFixed(2).padStart(10)} ms (CPU ${cpuMs.toFixed(2)})  ${folder}: the medians of its histories together`)
