import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { isMutantFile, loadMutant } from '../../harness/mutants/catalog.ts'
import type { RunPlan } from '../../harness/plan/plan.ts'
import { optionsOf } from '../../harness/plan/plan-options.ts'
import { projectRoot, readProvenance } from '../../harness/plan/provenance.ts'
import { UsageError } from '../../harness/plan/usage-error.ts'
import type { readRunFacts } from '../../harness/runner/stored-run.ts'
import { filesBelow, manifestName, mutantName, runFolder, sha256OfFile, sha256OfText, type Manifest } from './manifest.ts'
import { readmeText, reproduceScript, type Reproduction } from './reproduce.ts'

/** A file of a bundle: of the run's directory, or written for the bundle. */
export type BundleFile = { readonly name: string } & ({ readonly from: string, readonly sizeBytes: number } | { readonly text: string })

export interface BundleContents {
  /** Of the one folder in the archive. */
  readonly folder: string
  /** In order of their names. */
  readonly files: readonly BundleFile[]
  /** Sentences for whoever packs. */
  readonly notes: readonly string[]
}

const provenanceSchema = z.looseObject({
  startedAt: z.string().nullable().default(null),
  versions: z.looseObject({ splitbrain: z.string(), node: z.string() }).nullable().default(null),
  git: z.looseObject({ commit: z.string(), dirty: z.boolean() }).nullable().default(null),
  edits: z.array(z.object({ file: z.string(), find: z.string(), replace: z.string() })).default([]),
})
const verdictSchema = z.looseObject({
  verdict: z.enum(['valid', 'invalid', 'unknown']).nullable(),
  results: z.array(z.looseObject({ checker: z.string(), verdict: z.string(), summary: z.string() })).default([]),
})

/**
 * All that goes into a bundle. Depends on nothing but the run's directory (and,
 * with `withDiff`, on the checkout): the same run gives the same bytes.
 * Throws UsageError.
 */
export async function bundleContents(directory: string, facts: Pick<ReturnType<typeof readRunFacts>, 'plan' | 'workload'>, { withDiff }: { readonly withDiff: boolean }): Promise<BundleContents> {
  const { plan, workload } = facts
  const { startedAt, versions, git, edits } = provenanceSchema.parse(plan)
  const judged = readVerdict(directory)
  const notes: string[] = []
  const inputs: { name: string, text: string }[] = []
  // Files that the plan names by their paths come along, for the paths are this machine's.
  let here: RunPlan = plan
  if (plan.mutant !== null && isMutantFile(plan.mutant)) {
    inputs.push({ name: mutantName, text: json({ ...nameOf(plan.mutant), about: `planted when the run was made; it was read from ${plan.mutant}`, edits: edits.length > 0 ? edits : loadMutant(plan.mutant).edits }) })
    if (edits.length === 0) notes.push(`the plan does not hold the planted bug: it was taken from ${plan.mutant} as that is now`)
    here = { ...here, mutant: mutantName }
  }
  if (plan.faultScript !== null) {
    inputs.push({ name: 'inputs/faults.json', text: json({ faults: plan.faultScript.faults }) })
    here = { ...here, faultScript: { ...plan.faultScript, file: 'inputs/faults.json' } }
  }
  const { faults: _faults, ...options } = optionsOf(here)
  inputs.push({ name: 'inputs/options.json', text: json({ ...options, ...plan.faultScript === null ? {} : { faults: 'inputs/faults.json' } }) })
  if (withDiff) inputs.push({ name: 'inputs/changes.diff', text: await changesOf(git) })
  else if (git?.dirty === true) notes.push(`the run was made with changes that are not in commit ${git.commit.slice(0, 7)}, and so not in the bundle: --with-diff takes them along while that commit is checked out`)

  const about: Reproduction = {
    plan: here, workloadDefaults: workload.defaults ?? {}, startedAt, versions, git,
    verdict: judged?.verdict ?? null, results: judged?.results ?? [], hasDiff: withDiff,
  }
  const files: BundleFile[] = [
    ...inputs, { name: 'README.txt', text: readmeText(about) }, { name: 'reproduce.sh', text: reproduceScript(about) },
    ...filesBelow(directory).map((name) => ({ name: `${runFolder}/${name}`, from: join(directory, name), sizeBytes: statSync(join(directory, name)).size })),
  ].sort((a, b) => a.name < b.name ? -1 : 1)
  const manifest: Manifest = {
    bundle: 'splitbrain', version: 1,
    run: { workload: plan.workload, env: plan.env, system: plan.system ?? 'registry', seed: plan.seed, startedAt, verdict: about.verdict },
    madeBy: { splitbrain: versions?.splitbrain ?? null, node: versions?.node ?? null, commit: git?.commit ?? null, dirty: git?.dirty ?? false },
    files: await Promise.all(files.map(async (file) => 'text' in file
      ? { name: file.name, sizeBytes: Buffer.byteLength(file.text), sha256: sha256OfText(file.text) }
      : { name: file.name, sizeBytes: file.sizeBytes, sha256: await sha256OfFile(file.from) })),
  }
  const stamp = (startedAt ?? 'run').replaceAll(/[^0-9A-Za-z.]/g, '')
  return { folder: `splitbrain-${plan.workload}-${stamp}`, files: [{ name: manifestName, text: json(manifest) }, ...files], notes }
}

/** Of a mutant's file, where it is one that a mutant may have. */
function nameOf(file: string): { readonly name?: string } {
  const name = basename(file.replaceAll('\\', '/'), '.json').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  return name === '' ? {} : { name }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`

function readVerdict(directory: string): z.infer<typeof verdictSchema> | null {
  try {
    return verdictSchema.parse(JSON.parse(readFileSync(join(directory, 'verdict.json'), 'utf8')))
  } catch {
    return null // Killed before it had one.
  }
}

/** What git says of the checkout, which must be the one that the run was made with, as far as anybody can know. */
export async function changesOf(git: { readonly commit: string, readonly dirty: boolean } | null): Promise<string> {
  const now = (await readProvenance()).git
  if (git === null || now === null) throw new UsageError('--with-diff: the run was not made in a git checkout, or this is none.')
  if (!git.dirty) throw new UsageError('--with-diff: the run was made without changes; its commit says all.')
  if (git.commit !== now.commit) throw new UsageError(`--with-diff: the run was made with changes to commit ${git.commit.slice(0, 7)}, and ${now.commit.slice(0, 7)} is checked out: they cannot be had any more.`)
  const run = (...args: string[]) => execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 60_000 })
  // Files that git does not know are changes too: against nothing.
  const untracked = run('ls-files', '--others', '--exclude-standard', '-z').split('\0').filter((name) => name !== '')
  const added = untracked.map((name) => {
    try {
      return run('diff', '--no-index', '--binary', '--', '/dev/null', name)
    } catch (error) {
      // It says 1 where there is a difference.
      return (error as { readonly stdout?: string }).stdout ?? ''
    }
  })
  return [run('diff', '--binary', 'HEAD'), ...added].join('')
}
