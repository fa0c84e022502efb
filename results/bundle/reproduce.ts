import type { Verdict } from '../../harness/checkers/verdict.ts'
import type { PlanOptions } from '../../harness/plan/options.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import { rerunCommand } from '../../harness/plan/rerun.ts'
import { runFolder } from './manifest.ts'

/** What README.txt and reproduce.sh tell. */
export interface Reproduction {
  /** With paths within the bundle. */
  readonly plan: RunPlan
  readonly workloadDefaults: PlanOptions
  readonly startedAt: string | null
  readonly versions: { readonly splitbrain: string, readonly node: string } | null
  readonly git: { readonly commit: string, readonly dirty: boolean } | null
  readonly verdict: Verdict | null
  readonly results: readonly { readonly checker: string, readonly verdict: string, readonly summary: string }[]
  readonly hasDiff: boolean
}

export function readmeText(about: Reproduction): string {
  const { plan, startedAt, verdict, results, git, hasDiff } = about
  const dirty = git === null || !git.dirty ? []
    : hasDiff ? ['Its source had changes, which are in inputs/changes.diff (as the source is now, if it was changed since): git apply it.']
      : ['Its source had changes that are not in here: it may go another way.']
  const how = plan.env === 'simulated'
    ? 'It was simulated: the same source makes it again, byte for byte.'
    : `It was made in environment ${plan.env}: the plan and the faults are repeated, and what the machine, its scheduler and its network did is not.`
  return [
    'A run of splitbrain, with all that it takes to look at it and to do it again.',
    '',
    `workload:  ${plan.workload}`,
    `system:    ${plan.system ?? 'registry'}, ${plan.members} members, environment ${plan.env}`,
    `faults:    ${plan.nemesis.length === 0 ? plan.faultScript === null ? 'none' : 'inputs/faults.json' : plan.nemesis.join(', ')}`,
    `seed:      ${plan.seed}`,
    `started:   ${startedAt ?? 'unknown'}`,
    `made by:   ${madeBy(about)}`,
    '',
    `verdict:   ${verdict ?? 'none: it ended before there was one'}`,
    ...results.map(({ checker, verdict: its, summary }) => `  ${checker}: ${its}: ${summary}`),
    '',
    'Look at it: run/report.html in a browser. Judge it again, and do it again:',
    '',
    '  splitbrain check BUNDLE        BUNDLE: the archive, or the folder that it unpacks to',
    '  splitbrain replay BUNDLE',
    '  sh reproduce.sh [CHECKOUT]     both, with the splitbrain of that checkout',
    '',
    how,
    ...dirty,
    ...(plan.system ?? 'registry') === 'registry' ? [] : [`The program of ${plan.system} is no part of it: it is fetched again, or named by its environment variable (README of splitbrain, "Testing other systems").`],
    '',
    'From its options alone, in this folder:',
    '',
    `  ${rerunCommand(plan, about.workloadDefaults)}`,
    '',
    'manifest.json lists the files with their SHA-256; inputs/options.json is the plan as a file for test --config.',
    '',
  ].join('\n')
}

/** Plain sh; its exit code is the replay's: 1 where the run is invalid again. */
export function reproduceScript(about: Reproduction): string {
  const { git } = about
  const checkout = git === null ? '' : `
if [ $# -gt 0 ] && [ "$(git -C "$1" rev-parse HEAD 2>/dev/null)" != ${git.commit} ]; then
  echo "The run was made by commit ${git.commit}: git -C $1 checkout ${git.commit} && npm --prefix $1 ci" >&2
fi`
  return `#!/bin/sh
# Judges the run in this folder again, and does it again. It was made by
# ${madeBy(about)}
#
#   sh reproduce.sh             with the splitbrain that npx finds
#   sh reproduce.sh CHECKOUT    with that of a checkout, after npm ci there
#
# Exit code: that of the replay; 1 where the run is invalid again, 255 where a
# simulation went another way.
set -u
if [ $# -gt 0 ]; then
  launcher=$(cd "$1" && pwd)/harness/cli/launch.js
fi${checkout}
cd "$(dirname "$0")" || exit 255
splitbrain() {
  if [ -n "\${launcher:-}" ]; then node "$launcher" "$@"; else npx splitbrain "$@"; fi
}
splitbrain check ${runFolder}
splitbrain replay . --store replayed --no-progress
`
}

function madeBy({ versions, git }: Reproduction): string {
  const version = versions === null ? 'splitbrain' : `splitbrain ${versions.splitbrain}, node ${versions.node}`
  return git === null ? version : `${version}, commit ${git.commit}${git.dirty ? ' with changes' : ''}`
}
