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
  if (edits.length > 0) {
    modules.push('harness/mutants/preload')
    environment['SPLITBRAIN_EDITS'] = memberPaths.edits
    files[memberPaths.edits] = JSON.stringify(edits)
  }
  if (powerLoss) {
    modules.push('harness/environments/volatile-disk/preload')
    environment['SPLITBRAIN_VOLATILE_DIRECTORY'] = memberPaths.data
  }
  return { modules, environment, files }
}
