import { resolve } from 'node:path'
import { z } from 'zod'
import type { Workload } from '../../workloads/workload.ts'
import { checkListAppend } from '../checkers/elle/list-append.ts'
import { checkLinearizability } from '../checkers/linearizability.ts'
import { models } from '../checkers/model.ts'
import { checkSets } from '../checkers/set/check-set.ts'
import type { CheckResult } from '../checkers/verdict.ts'
import type { HistoryContext } from '../history/context.ts'
import type { HistoryEvent } from '../history/event.ts'
import { MalformedHistoryError } from '../history/operations.ts'
import { formatOf, historyFormats, readHistoryFile, type HistoryFormat } from '../history/read-history.ts'
import { planDefaults } from '../plan/defaults.ts'
import { memberNames } from '../plan/fault-options.ts'
import { UsageError } from '../plan/usage-error.ts'
import { judge } from '../runner/judge.ts'
import { readRunFacts } from '../runner/stored-run.ts'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { printJudgement } from './print-outcome.ts'

/** Judged as a whole, by what they are and not by a search of orders. */
const wholes: Readonly<Record<string, (history: readonly HistoryEvent[]) => CheckResult>> = {
  'list-append': (history) => checkListAppend(history),
  set: (history) => checkSets(history, { staleReads: false }),
}

/** Workloads whose history alone says too little: faults and the plan belong to what was promised. */
const withContextOnly: ReadonlySet<string> = new Set(['lock', 'watch', 'registration', 'membership'])

const optionsSchema = z.object({
  format: z.string().optional(),
  model: z.string().optional(),
  context: z.string().optional(),
  independent: z.boolean().default(false),
  checkTimeLimit: z.number().positive().optional(),
  checkMemory: z.number().positive().optional(),
  checkNodes: z.number().positive().optional(),
  partition: z.boolean().default(true),
  json: z.boolean().default(false),
})
type Options = z.infer<typeof optionsSchema>

export interface CheckPorts {
  readonly workloads: Readonly<Record<string, Workload>>
  readonly workingDirectory: string
}

/** `splitbrain check FILE`: judges a stored history, also somebody else's. Returns the exit code; throws UsageError. */
export async function runCheck(file: string, given: Readonly<Record<string, unknown>>, io: CliIo, { workloads, workingDirectory }: CheckPorts = { workloads: {}, workingDirectory: process.cwd() }): Promise<number> {
  const parsed = optionsSchema.safeParse(given)
  if (!parsed.success) throw new UsageError(`check: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}.`)
  const options = parsed.data
  if (options.model !== undefined && !withContextOnly.has(options.model) && !Object.hasOwn(wholes, options.model)) named('--model', options.model, models)
  const format = options.format ?? formatOf(file)
  if (format === null) throw new UsageError(`The ending of ${file} does not tell its format; give --format ${Object.keys(historyFormats).join('|')}.`)
  named('--format', format, historyFormats)
  if (options.independent && format !== 'edn') throw new UsageError(`--independent is about EDN, and ${file} is ${format}.`)
  const history = await readHistoryFile(resolve(workingDirectory, file), format as HistoryFormat, { independent: options.independent })
  for (const note of history.notes) io.error(`${file}: ${note}`)
  const context = options.context === undefined ? history.context ?? null : readRunFacts(resolve(workingDirectory, options.context), workloads)
  if (context !== null && (options.model === undefined || withContextOnly.has(options.model))) {
    return await judgeAsRun(file, history.events, context, options, workloads, io)
  }
  if (options.model !== undefined && withContextOnly.has(options.model)) {
    throw new UsageError(`--model ${options.model} needs the plan and the faults of the run, of which ${file} says nothing: write it with splitbrain export, or name the run's directory by --context.`)
  }
  return await judgeAsModel(file, history.events, options, io)
}

/** As its run was, by its workload, but for what only the run's directory has. */
async function judgeAsRun(file: string, events: readonly HistoryEvent[], context: HistoryContext, options: Options, workloads: Readonly<Record<string, Workload>>, io: CliIo): Promise<number> {
  const workload = named('--model', options.model ?? context.plan.workload, workloads)
  const plan = { ...context.plan, checkTimeLimitS: options.checkTimeLimit ?? context.plan.checkTimeLimitS, checkMemoryMiB: options.checkMemory ?? context.plan.checkMemoryMiB }
  const judgement = await judge([{ checker: workload.name, check: () => workload.check(events, plan, { members: memberNames(plan.members), faults: context.faults }) }], [])
  if (options.json) {
    io.print(JSON.stringify({ file, workload: workload.name, ...judgement }, null, 2))
    return exitCodes[judgement.verdict]
  }
  printJudgement(judgement, io)
  io.print(`judged as the run of workload ${workload.name} that it is the history of; traces of members and what was seen of the recovery are no part of a history`)
  return exitCodes[judgement.verdict]
}

async function judgeAsModel(file: string, events: readonly HistoryEvent[], options: Options, io: CliIo): Promise<number> {
  const name = options.model ?? 'cas-register'
  try {
    const result = Object.hasOwn(wholes, name) ? wholes[name]!(events) : await checkLinearizability(events, named('--model', name, models), {
      timeLimitS: options.checkTimeLimit ?? planDefaults.checkTimeLimit, memoryMiB: options.checkMemory ?? planDefaults.checkMemory, byKey: options.partition,
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
