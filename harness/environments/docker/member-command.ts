import { codeExtension } from './image/member-files.ts'

/** Where things are inside a member's container. */
export const memberPaths = {
  /** A volume: survives kill and restart. */
  data: '/data',
  /** Not on the volume, so that the disk that forgets forgets nothing of what checkers read. */
  trace: '/var/log/splitbrain/raft-trace.jsonl',
  config: '/etc/splitbrain/member.json',
  edits: '/etc/splitbrain/edits.json',
} as const

export interface MemberDescription {
  readonly name: string
  /** IPv4 on the run's network. */
  readonly address: string
  /** With how many servers the cluster begins. */
  readonly bootstrapExpect: number
  /** Of the members that it may join, itself possibly included. */
  readonly peerAddresses: readonly string[]
  /** Modules to load before the member: planted bugs, the disk that forgets. Relative to the application folder, without extension. */
  readonly preloads: readonly string[]
}

/** The command line of one member, in Consul's flags. */
export function memberCommand({ name, address, bootstrapExpect, peerAddresses, preloads }: MemberDescription): string[] {
  return [
    'node',
    ...preloads.flatMap((module) => ['--import', `./${module}.${codeExtension}`]),
    `node/main.${codeExtension}`,
    '-server', '-node', name,
    '-bootstrap-expect', String(bootstrapExpect),
    '-bind', address, '-client', '0.0.0.0',
    ...peerAddresses.filter((peer) => peer !== address).flatMap((peer) => ['-retry-join', peer]),
    // Members that start at the same time miss each other's first attempt; Consul's 30 s would be a slow start.
    '-retry-interval', '1s',
    '-data-dir', memberPaths.data,
    '-raft-trace', memberPaths.trace,
    '-config-file', memberPaths.config,
  ]
}
