import { appliedLine } from '../../mutants/hook.ts'
import type { EnvironmentOptions } from '../environment.ts'
import { memberPaths } from './member-command.ts'

/** What is loaded into a member's process before the member itself. */
export interface MemberPreloads {
  /** For `--import`; relative to the application folder, without extension. */
  readonly modules: readonly string[]
  readonly environment: Record<string, string>
  /** Path in the container → text. */
  readonly files: Record<string, string>
}

/** Planted bugs, and the disk that forgets what was not synced. Nothing where neither is asked for. */
export function memberPreloads({ edits, powerLoss }: Pick<EnvironmentOptions, 'edits' | 'powerLoss'>): MemberPreloads {
  const modules: string[] = []
  const environment: Record<string, string> = {}
  const files: Record<string, string> = {}
  // The disk first: whatever else is loaded already writes through it.
  if (powerLoss) {
    modules.push('harness/environments/volatile-disk/preload')
    environment['SPLITBRAIN_VOLATILE_DIRECTORY'] = memberPaths.data
  }
  if (edits.length > 0) {
    modules.push('harness/mutants/preload')
    environment['SPLITBRAIN_EDITS'] = memberPaths.edits
    files[memberPaths.edits] = JSON.stringify(edits)
  }
  return { modules, environment, files }
}

/** What a member's log says once these are in force. */
export function expectedLines({ edits, powerLoss }: Pick<EnvironmentOptions, 'edits' | 'powerLoss'>): readonly { readonly what: string, readonly line: string }[] {
  return [
    ...powerLoss ? [{ what: 'the disk that forgets what is not synced', line: 'splitbrain: volatile disk' }] : [],
    ...edits.map((edit) => ({ what: `the source edit of ${edit.file}`, line: appliedLine(edit) })),
  ]
}
