import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { githubAnnotations, githubStepSummary } from '../../results/nights/github.ts'
import { renderNightsPage } from '../../results/nights/index-page.ts'
import { junitXml } from '../../results/nights/junit.ts'
import type { NightRecord } from '../../results/nights/night-record.ts'
import { verdictOfNight } from '../../results/nights/outcomes.ts'
import { summaryText } from '../../results/nights/summary-text.ts'
import { tapText } from '../../results/nights/tap.ts'
import { exitCodes } from '../cli/exit-codes.ts'
import { describeSize } from './amounts.ts'
import type { NightOptions } from './night-options.ts'
import { prune, writeRecord, type StoredNight } from './retention.ts'
import type { NightHost } from './run-night.ts'
import { nightsOf, writeNightFiles } from './store.ts'
import { postWebhook, webhookMessage } from './webhook.ts'

/** A night that is over. */
export interface Published {
  readonly record: NightRecord
  /** The night's. */
  readonly directory: string
  /** Absolute. */
  readonly store: string
  readonly earlier: readonly StoredNight[]
  /** Then nobody is told outside, and nothing old is removed. */
  readonly interrupted: boolean
}

const exitCodeOf = { valid: exitCodes.valid, invalid: exitCodes.invalid, unknown: exitCodes.unknown, failed: exitCodes.crashed } as const

/**
 * All that is written and told of a night, the record first; returns its exit
 * code. What goes wrong in telling it is said, and does not change the verdict.
 */
export async function publishNight({ record, directory, store, earlier, interrupted }: Published, options: NightOptions, ports: Pick<NightHost, 'io' | 'workingDirectory' | 'variables'>): Promise<number> {
  const { io, variables } = ports
  const say = (line: string) => { if (!options.json) io.print(line) }
  const storeName = nameOf(store, ports.workingDirectory)
  const exitCode = exitCodeOf[verdictOfNight(record)]
  const tonight: StoredNight = { file: join(directory, 'night.json'), record: writeRecord(join(directory, 'night.json'), record) }
  const lines = summaryText(record, storeName)
  const [junit, tap] = [junitXml(record, storeName), tapText(record, storeName)]
  attempt(io, 'The files of the night', () => writeNightFiles(directory, { 'summary.txt': `${lines.join('\n')}\n`, 'junit.xml': junit, 'night.tap': tap }))
  for (const [file, text] of [[options.junitFile, junit], [options.tapFile, tap]] as const) {
    if (file === null) continue
    attempt(io, file, () => {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    })
  }
  const nights = interrupted ? earlier : pruned(store, earlier, tonight, options, io, say)
  const page = join(nightsOf(store), 'index.html')
  attempt(io, page, () => writeFileSync(page, renderNightsPage([...nights, tonight].map(({ file, record }) => ({ record, directory: relative(nightsOf(store), dirname(file)).split(sep).join('/') })), storeName)))

  if (variables['GITHUB_ACTIONS'] === 'true') {
    // Workflow commands are read from both streams; --json keeps standard output for the record.
    for (const line of githubAnnotations(record, storeName)) options.json ? io.error(line) : io.print(line)
  }
  const stepSummary = variables['GITHUB_STEP_SUMMARY'] ?? ''
  if (stepSummary !== '') attempt(io, 'The step\'s summary', () => appendFileSync(stepSummary, githubStepSummary(record, storeName)))
  if (options.webhook !== null && !interrupted && (options.webhook.on === 'always' || exitCode !== exitCodes.valid)) {
    const problem = await postWebhook(options.webhook.url, webhookMessage(record, exitCode, storeName))
    if (problem === null) say('the webhook was told')
    else io.error(`The webhook was not told: ${problem}.`)
  }
  if (options.json) io.print(JSON.stringify(record, null, 2))
  say(`record, JUnit and TAP: ${directory}`)
  say(`all nights: ${page}`)
  say('')
  for (const line of lines) say(line)
  return exitCode
}

function pruned(store: string, earlier: readonly StoredNight[], tonight: StoredNight, { retention }: NightOptions, io: NightHost['io'], say: (line: string) => void): readonly StoredNight[] {
  const { keepDays, keepBytes } = retention
  if (keepDays === null && keepBytes === null) return earlier
  const { removed, problems, nights, bytesLeft } = prune(store, earlier, tonight, retention, Date.parse(tonight.record.startedAt))
  for (const problem of problems) io.error(problem)
  const freed = removed.reduce((sum, { bytes }) => sum + bytes, 0)
  say(`old runs: ${removed.length} valid ones removed (${describeSize(freed)}), ${describeSize(bytesLeft)} left${keepBytes !== null && bytesLeft > keepBytes ? `: more than ${describeSize(keepBytes)}, and what is left are failures and tonight's runs` : ''}`)
  for (const { directory } of removed) say(`  removed ${directory}`)
  return nights
}

/** What cannot be written is said, and the rest is written all the same. */
function attempt(io: NightHost['io'], what: string, action: () => void): void {
  try {
    action()
  } catch (error) {
    io.error(`${what} could not be written: ${(error as Error).message}.`)
  }
}

/** As the user would name it: relative where it lies below the working directory. */
function nameOf(store: string, workingDirectory: string): string {
  const name = relative(workingDirectory, store)
  return name === '' ? '.' : name.startsWith('..') || name.startsWith(sep) ? store : name.split(sep).join('/')
}
