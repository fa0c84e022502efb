import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EnvironmentOptions } from '../environment.ts'
import { memberDefaults, quickToVote } from '../member-defaults.ts'
import type { MemberFaultState } from '../member-faults/state.ts'
import type { AddressClaim, MemberAddress } from './addresses.ts'

/** Where this code is: a checkout, or `dist/` of the published package. */
export const codeRoot = fileURLToPath(new URL('../../../', import.meta.url))
/** `ts` in a checkout, `js` in the published package. */
const codeExtension = basename(import.meta.url).endsWith('.ts') ? 'ts' : 'js'

/** The descriptor on which a member finds its lifeline. */
export const lifelineDescriptor = 3
/** And on which its preload is told what to do to its clock and disk. */
const controlDescriptor = 4

/** Where one member's files are. */
export function memberFiles(directory: string) {
  return {
    directory,
    data: join(directory, 'data'),
    log: join(directory, 'member.log'),
    // Not below `data`, so that the disk that forgets forgets nothing of what checkers read.
    trace: join(directory, 'raft-trace.jsonl'),
    config: join(directory, 'member.json'),
    edits: join(directory, 'edits.json'),
  }
}
export type MemberFiles = ReturnType<typeof memberFiles>

export interface MemberCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Path → text, to be there before the process starts. */
  readonly files: Readonly<Record<string, string>>
  /** Faults can be made inside the process, through one more pipe. */
  readonly controlled: boolean
}

/**
 * How one member is started.
 *
 * @param memberCount of the members, so many begin the cluster; the others are spares, who are taken in later
 * @param dialMap advertised `host:port` of each other member → what to dial instead
 * @param state what is wrong with the member when it starts, where faults may be made inside it
 * @param entry the program; by default the member of this project
 */
export function memberCommand(
  member: MemberAddress,
  { members, usualPorts }: Pick<AddressClaim, 'members' | 'usualPorts'>,
  memberCount: number,
  files: MemberFiles,
  dialMap: Readonly<Record<string, string>>,
  { edits, powerLoss, memberConfig }: Pick<EnvironmentOptions, 'edits' | 'powerLoss' | 'memberConfig'>,
  state: MemberFaultState | null = null,
  entry = join(codeRoot, `node/main.${codeExtension}`),
): MemberCommand {
  const preloads = ['harness/environments/local/lifeline']
  const environment: Record<string, string> = { ...inherited(), SPLITBRAIN_LIFELINE: String(lifelineDescriptor) }
  const ports = { ports: { dns: member.dnsPort ?? -1, ...usualPorts ? {} : { server: member.serverPort, serf_lan: member.gossipPort, http: member.httpPort } } }
  const texts: Record<string, string> = { [files.config]: JSON.stringify({ ...memberDefaults, ...quickToVote, ...memberConfig, ...ports, dial_map: dialMap }, null, 2) }
  if (powerLoss) {
    preloads.push('harness/environments/volatile-disk/preload')
    environment['SPLITBRAIN_VOLATILE_DIRECTORY'] = files.data
  }
  if (state !== null) {
    // After the disk that forgets, whose functions it wraps.
    preloads.push('harness/environments/member-faults/preload')
    environment['SPLITBRAIN_FAULT_CONTROL'] = String(controlDescriptor)
    environment['SPLITBRAIN_DATA_DIRECTORY'] = files.data
    environment['SPLITBRAIN_FAULTS'] = JSON.stringify(state)
  }
  if (edits.length > 0) {
    preloads.push('harness/mutants/preload')
    environment['SPLITBRAIN_EDITS'] = files.edits
    texts[files.edits] = JSON.stringify(edits)
  }
  const initial = members.slice(0, memberCount)
  return {
    program: process.execPath,
    args: [
      ...preloads.flatMap((module) => ['--import', join(codeRoot, `${module}.${codeExtension}`)]),
      entry,
      '-server', '-node', member.name,
      ...initial.includes(member) ? ['-bootstrap-expect', String(memberCount)] : [],
      '-bind', member.host, '-client', member.host,
      ...initial.filter(({ name }) => name !== member.name)
        .flatMap(({ host, gossipPort }) => ['-retry-join', usualPorts ? host : `${host}:${gossipPort}`]),
      // Members that start at the same time miss each other's first attempt; Consul's 30 s would be a slow start.
      '-retry-interval', '1s',
      '-data-dir', files.data,
      '-raft-trace', files.trace,
      '-config-file', files.config,
    ],
    environment,
    files: texts,
    controlled: state !== null,
  }
}

/** A member's surroundings are the same wherever the harness was started: no NODE_OPTIONS, no settings of test tools. */
function inherited(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ']
  return Object.fromEntries(kept.flatMap((name) => process.env[name] === undefined ? [] : [[name, process.env[name]]]))
}

/** The program that is started does not exist: a broken checkout or package. */
export function missingEntry({ args }: MemberCommand): string | null {
  return args.find((arg) => /\.[jt]s$/.test(arg) && !existsSync(arg)) ?? null
}
