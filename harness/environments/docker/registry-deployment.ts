import type { DataFiles } from '../deployment.ts'
import { memberDefaults, quickToVote } from '../member-defaults.ts'
import { memberCommand, type MemberDescription } from './member-command.ts'
import { consulPorts } from './traffic.ts'

/** How this project's own member runs: the same things that a `Deployment` says of another program. */
export const registryDeployment = {
  ports: consulPorts,
  liveness: { port: consulPorts.http, target: '/v1/agent/self' },
  /** See node/storage/. */
  dataFiles: { log: '**/wal-*', snapshot: '**/snapshot-*.bin' } satisfies DataFiles,
  launch: (member: MemberDescription, config: Readonly<Record<string, unknown>>) =>
    ({ command: memberCommand(member), config: JSON.stringify({ ...memberDefaults, ...quickToVote, ...config }) }),
} as const
