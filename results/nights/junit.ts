import type { NightRecord, NightRun } from './night-record.ts'
import { replayOf, titleOf, whatBroke } from './failures.ts'
import { countOutcomes } from './outcomes.ts'

/**
 * JUnit XML as Jenkins' and Ant's schemas have it. A test case is a run, a suite
 * a workload. `failure` of type `invalid` or `unknown` (a run that could not be
 * judged shall not pass in silence), `error` for a run that itself failed,
 * `skipped` with the reason.
 * @param store as the reader would name it
 */
export function junitXml(record: NightRecord, store: string): string {
  const suites = [...Map.groupBy(record.runs, ({ workload }) => workload)]
  const body = suites.map(([workload, runs], id) => suiteXml(workload, runs, id, record, store)).join('')
  const { tests, failures, errors } = tally(record.runs)
  return `<?xml version="1.0" encoding="UTF-8"?>\n`
    + `<testsuites name="splitbrain nightly" tests="${tests}" failures="${failures}" errors="${errors}" time="${record.tookS.toFixed(3)}">\n${body}</testsuites>\n`
}

function suiteXml(workload: string, runs: readonly NightRun[], id: number, record: NightRecord, store: string): string {
  const { tests, failures, errors, skipped } = tally(runs)
  const timeS = runs.reduce((sum, { tookS }) => sum + tookS, 0)
  const properties = { budgetS: record.budgetS, jobs: record.jobs, ...record.versions, ...record.git === null ? {} : { commit: record.git.commit, dirty: record.git.dirty } }
  return `  <testsuite name="${attribute(workload)}" id="${id}" package="splitbrain" hostname="localhost" timestamp="${record.startedAt.slice(0, 19)}"`
    + ` tests="${tests}" failures="${failures}" errors="${errors}" skipped="${skipped}" time="${timeS.toFixed(3)}">\n`
    + `    <properties>\n${Object.entries(properties).map(([name, value]) => `      <property name="${attribute(name)}" value="${attribute(String(value))}"/>\n`).join('')}    </properties>\n`
    + runs.map((run) => caseXml(run, store)).join('')
    + '    <system-out/>\n    <system-err/>\n  </testsuite>\n'
}

function caseXml(run: NightRun, store: string): string {
  const open = `    <testcase classname="${attribute(`splitbrain.${run.env}.${run.workload}`)}" name="${attribute(titleOf(run))}" time="${run.tookS.toFixed(3)}"`
  switch (run.outcome) {
    case 'valid': return `${open}/>\n`
    case 'skipped': return `${open}>\n      <skipped message="${attribute(run.why ?? '')}"/>\n    </testcase>\n`
    case 'failed': return `${open}>\n      ${problemXml('error', run, store)}\n    </testcase>\n`
    case 'invalid':
    case 'unknown': return `${open}>\n      ${problemXml('failure', run, store)}\n    </testcase>\n`
    default: return run.outcome satisfies never
  }
}

function problemXml(element: 'failure' | 'error', run: NightRun, store: string): string {
  const { what } = whatBroke(run)
  const text = [
    ...run.why === null ? [] : [run.why],
    ...run.findings.flatMap(({ checker, verdict, summary, evidence }) => [`${checker}: ${verdict}: ${summary}`, ...evidence.map((line) => `  ${line}`)]),
    ...run.directory === null ? [] : [`directory: ${store}/${run.directory}`],
    `replay: ${replayOf(run, store) ?? 'its options are not known'}`,
  ].join('\n')
  return `<${element} type="${run.outcome}" message="${attribute(what)}">${escapeXml(text)}</${element}>`
}

function tally(runs: readonly NightRun[]) {
  const counts = countOutcomes(runs)
  return { tests: runs.length, failures: counts.invalid + counts.unknown, errors: counts.failed, skipped: counts.skipped }
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' }

/** XML 1.0 has no way at all to say most control characters, nor halves of surrogate pairs: they are shown as what they are. */
function escapeXml(text: string): string {
  return text.toWellFormed().replace(/[&<>"\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g,
    (character) => entities[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Where a parser would make blanks of them. */
const attribute = (text: string) => escapeXml(text).replace(/\n/g, '&#10;').replace(/\t/g, '&#9;')
