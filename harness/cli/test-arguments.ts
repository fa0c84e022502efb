import { parsePlanOptions, type PlanOptions } from '../plan/options.ts'
import { packageVersion } from '../plan/provenance.ts'
import { UsageError } from '../plan/usage-error.ts'
import { makeProgram, type TestFlags } from './program.ts'

/**
 * Arguments as `splitbrain test` reads them, without running anything.
 * @throws UsageError, or commander's error for a flag that nobody knows
 */
export async function parseTestArguments(args: readonly string[]): Promise<{ readonly options: PlanOptions, readonly config: string | undefined }> {
  let read: TestFlags = {}
  const elsewhere = async () => { throw new UsageError('These are arguments of another command than test.') }
  const program = makeProgram({
    test: async (flags) => { read = flags },
    check: elsewhere, faults: elsewhere, explore: elsewhere, replay: elsewhere, shrink: elsewhere, doctor: elsewhere, nightly: elsewhere, export: elsewhere, bundle: elsewhere, serve: elsewhere, bench: elsewhere, compare: elsewhere,
  }, packageVersion())
  for (const command of [program, ...program.commands]) command.exitOverride()
  await program.parseAsync(['test', ...args], { from: 'user' })
  const { config, progress, ...flags } = read
  return { options: parsePlanOptions({ ...flags, ...progress === false ? { progress } : {} }, 'The command line'), config }
}
