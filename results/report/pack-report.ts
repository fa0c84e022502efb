import type { Leadership } from './leadership.ts'
import type { MemberRecord, RoleSpan } from './member-records.ts'
import type { Moment } from './moments.ts'
import type { ReportData } from './report-data.ts'

/**
 * What the page's script is given, read by `client/data.js`: a history of
 * 100,000 operations as a few MB of JSON. Times in µs; starts and indexes as
 * differences from the one before; texts once, in `texts`, where 0 is none.
 */
export interface PackedReport {
  readonly process: readonly number[]
  readonly f: readonly number[]
  readonly outcome: readonly number[]
  readonly startUs: readonly number[]
  /** From the start to the answer; -1: none came. */
  readonly tookUs: readonly number[]
  readonly key: readonly number[]
  readonly node: readonly number[]
  readonly input: readonly number[]
  readonly output: readonly number[]
  readonly error: readonly number[]
  readonly texts: readonly string[]
  readonly functions: readonly string[]
  readonly keys: readonly string[]
  readonly nodes: readonly string[]
  readonly workers: number
  readonly endMs: number
  readonly bands: ReportData['bands']
  readonly leaders: readonly Leadership[]
  readonly members: readonly { readonly member: string, readonly roles: readonly RoleSpan[] }[]
  /** Rows that the evidence names. */
  readonly highlighted: readonly number[]
  readonly moments: readonly Moment[]
}

export function packReport(data: ReportData, members: readonly MemberRecord[], leaders: readonly Leadership[], moments: readonly Moment[]): PackedReport {
  const { operations } = data
  const texts = ['']
  const numbers = new Map([['', 0]])
  const intern = (text: string) => {
    let number = numbers.get(text)
    if (number === undefined) {
      number = texts.length
      texts.push(text)
      numbers.set(text, number)
    }
    return number
  }
  const startUs = operations.startMs.map(toUs)
  const highlighted = new Set(data.highlighted)
  return {
    process: operations.process, f: operations.f, outcome: operations.outcome,
    startUs: startUs.map((us, row) => row === 0 ? us : us - startUs[row - 1]!),
    tookUs: operations.endMs.map((endMs, row) => endMs === null ? -1 : toUs(endMs) - startUs[row]!),
    key: operations.key, node: operations.node,
    input: operations.input.map(intern), output: operations.output.map(intern), error: operations.error.map(intern),
    texts, functions: data.functions, keys: data.keys, nodes: data.nodes,
    workers: data.lanes, endMs: data.endMs, bands: data.bands, leaders,
    members: members.map(({ member, roles }) => ({ member, roles })),
    highlighted: operations.invokeIndex.flatMap((index, row) => highlighted.has(index) ? [row] : []),
    moments,
  }
}

const toUs = (ms: number) => Math.round(ms * 1e3)
