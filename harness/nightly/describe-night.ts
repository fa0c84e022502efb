import { plainLine, titleOf, whatBroke } from '../../results/nights/failures.ts'
import type { NightRun } from '../../results/nights/night-record.ts'
import { UsageError } from '../plan/usage-error.ts'
import { describeDuration } from './amounts.ts'
import { RunTimes } from './budget.ts'
import type { PlannedRun, RunEnd } from './conduct-night.ts'
import { cellName } from './matrix.ts'
import type { NightOptions } from './night-options.ts'
import type { PlannedCell } from './preflight.ts'

/** Throws UsageError where not one run could be done: the user would learn it only at the end. */
export function requireSomethingToDo(cells: readonly PlannedCell[], { budgetS }: NightOptions, runningS: number): void {
  if (cells.length === 0) throw new UsageError('The matrix has no combination that is not excluded.')
  const possible = cells.filter(({ refused }) => refused === null)
  if (possible.length === 0) throw new UsageError(['No combination of the matrix can be done here:', ...new Set(cells.map(({ refused }) => `  ${refused}`))].join('\n'))
  const times = new RunTimes()
  const shortestS = Math.min(...possible.map(({ cell, timeLimitS }) => times.estimateS({ ...cell, timeLimitS })))
  if (shortestS > runningS) throw new UsageError(`--budget ${describeDuration(budgetS)} has no room for a single run: the shortest is expected to take ${describeDuration(shortestS)}. Give more, or a shorter --time-limit.`)
}

/** Before the first effect. */
export function describeNight(cells: readonly PlannedCell[], { budgetS, jobs, matrix }: NightOptions, seeds: readonly number[], openEnded: boolean): string[] {
  const refused = cells.filter((cell) => cell.refused !== null)
  const count = openEnded ? 'as many seeds as there is room for, at most ' : ''
  return [
    `${cells.length} ${cells.length === 1 ? 'combination' : 'combinations'}, ${count}${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'} each, from ${seeds[0]}${matrix.seeds.kind === 'counted' && matrix.seeds.base === null ? ' (by the date; --seed says another)' : ''}; `
      + `${describeDuration(budgetS)}, ${jobs} at a time${cells.some(({ cell }) => cell.env === 'docker') ? ', containers one at a time' : ''}`,
    ...refused.map(({ cell, refused }) => `cannot be done here: ${cellName(cell)}: ${refused}`),
  ]
}

export function describeBegin({ planned: { cell }, seed }: PlannedRun, expectedS: number): string {
  return `  … ${cellName(cell)}, seed ${seed}: begun, some ${describeDuration(expectedS)}`
}

/** Nothing of what was not begun: what cannot be done here was said before, and what had no room is summed up at the end. */
export function describeEnd({ how, tookS }: RunEnd, run: NightRun, number: number): string[] {
  if (how.kind === 'skipped' && tookS === 0) return []
  const head = `${String(number).padStart(3)} ${titleOf(run)}: `
  switch (run.outcome) {
    case 'valid': return [`${head}valid (${describeDuration(run.tookS)}${run.throughputPerS === null ? '' : `, ${run.throughputPerS.toFixed(0)} ops/s`})`]
    case 'skipped': return [plainLine(`${head}skipped: ${run.why}`)]
    case 'invalid':
    case 'unknown':
    case 'failed': return [`${head}${run.outcome} (${describeDuration(run.tookS)})`, `      ${whatBroke(run).what}`]
    default: return run.outcome satisfies never
  }
}
