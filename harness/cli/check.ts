import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { z } from 'zod'
import { checkListAppend } from '../checkers/elle/list-append.ts'
import { checkLinearizability } from '../checkers/linearizability.ts'
import { models } from '../checkers/model.ts'
import { checkSets } from '../checkers/set/check-set.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { HistoryEvent } from '../history/event.ts'
import { HistoryFormatError } from '../history/format-error.ts'
import { MalformedHistoryError } from '../history/operations.ts'
import { readEdn } from '../history/read-edn.ts'
import { readJepsenLog } from '../history/read-jepsen-log.ts'
import { readJsonl, type ReadHistory } from '../history/read-jsonl.ts'
import { planDefaults } from '../plan/defaults.ts'
import { UsageError } from '../plan/usage-error.ts'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'

const formats = { jsonl: readJsonl, edn: readEdn, 'jepsen-log': readJepsenLog } as const
type FormatName = keyof typeof formats

const byExtension: Record<string, FormatName> = { '.jsonl': 'jsonl', '.edn': 'edn', '.log': 'jepsen-log' }

/** Judged as a whole, by what they are and not by a search of orders. */
const wholes: Readonly<Record<string, (history: readonly HistoryEvent[]) => CheckResult>> = {
  'list-append': (history) => checkListAppend(history),
  set: (history) => checkSets(history, { staleReads: false }),
}

const optionsSchema = z.object({
  format: z.string().optional(),
  model: z.string(),
  checkTimeLimit: z.number().positive().default(planDefaults.checkTimeLimit),
  checkMemory: z.number().positive().default(planDefaults.checkMemory),
  checkNodes: z.number().positive().optional(),
  partition: z.boolean().default(true),
  json: z.boolean().default(false),
})

/** `splitbrain check FILE`: judges a stored history, also somebody else's. Returns the exit code; throws UsageError. */
export async function runCheck(file: string, given: Readonly<Record<string, unknown>>, io: CliIo): Promise<number> {
  const parsed = optionsSchema.safeParse(given)
  if (!parsed.success) throw new UsageError(`check: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}.`)
  const options = parsed.data
  const whole = Object.hasOwn(wholes, options.model) ? wholes[options.model]! : null
  const model = whole === null ? named('--model', options.model, models) : null
  const format = options.format === undefined ? byExtension[extname(file)] : options.format
  if (format === undefined) throw new UsageError(`The ending of ${file} does not tell its format; give --format ${Object.keys(formats).join('|')}.`)
  const history = readHistory(file, named('--format', format, formats))
  for (const note of history.notes) io.error(`${file}: ${note}`)
  try {
    const result = model === null ? whole!(history.events) : await checkLinearizability(history.events, model, {
      timeLimitS: options.checkTimeLimit, memoryMiB: options.checkMemory, byKey: options.partition,
      ...options.checkNodes === undefined ? {} : { nodesMax: options.checkNodes },
    })
    if (options.json) {
      io.print(JSON.stringify({ file, ...result }, null, 2))
      return exitCodes[result.verdict]
    }
    io.print(`verdict: ${result.verdict}`)
    io.print(`  ${result.summary}`)
    for (const evidence of result.evidence) {
      io.print(`  ${evidence.title}`)
      for (const line of evidence.explanation) io.print(`    ${line}`)
    }
    return exitCodes[result.verdict]
  } catch (error) {
    if (error instanceof MalformedHistoryError) throw new UsageError(`${file}: ${error.message}`)
    throw error
  }
}

function named<T>(flag: string, name: string, choices: Readonly<Record<string, T>>): T {
  if (Object.hasOwn(choices, name)) return choices[name]!
  throw new UsageError(`${flag} ${name} is unknown; there are ${Object.keys(choices).join(', ')}.`)
}

function readHistory(file: string, read: (text: string) => ReadHistory): ReadHistory {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as Error).message}.`)
  }
  try {
    return read(text)
  } catch (error) {
    if (error instanceof HistoryFormatError) throw new UsageError(`${file}: ${error.message}`)
    throw error
  }
}

