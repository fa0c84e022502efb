import { z } from 'zod'
import { parseDurationNs } from '../../base/duration.ts'
import { decode } from '../agent-client.ts'
import { textOf, type CommandGroup, type Invocation } from '../command.ts'
import { CommandFailure } from '../terminal.ts'

const configuration = z.looseObject({
  CleanupDeadServers: z.boolean(), LastContactThreshold: z.string(), MaxTrailingLogs: z.int(), MinQuorum: z.int(), ServerStabilizationTime: z.string(),
  RedundancyZoneTag: z.string(), DisableUpgradeMigration: z.boolean(), UpgradeVersionTag: z.string(), ModifyIndex: z.int(),
})

const path = '/v1/operator/autopilot/configuration'

/** `splitbrain operator autopilot`, as Consul's. */
export const autopilot: CommandGroup = {
  name: 'autopilot',
  summary: 'see and change what autopilot goes by',
  commands: [
    {
      name: 'get-config', summary: 'print the configuration of autopilot', asks: 'servers', failing: 'Error querying Autopilot configuration',
      async run({ client, terminal }) {
        const config = await client.get(path, configuration)
        const { RedundancyZoneTag, UpgradeVersionTag } = config
        terminal.print([
          `CleanupDeadServers = ${config.CleanupDeadServers}`, `LastContactThreshold = ${config.LastContactThreshold}`, `MaxTrailingLogs = ${config.MaxTrailingLogs}`,
          `MinQuorum = ${config.MinQuorum}`, `ServerStabilizationTime = ${config.ServerStabilizationTime}`, `RedundancyZoneTag = ${JSON.stringify(RedundancyZoneTag)}`,
          `DisableUpgradeMigration = ${config.DisableUpgradeMigration}`, `UpgradeVersionTag = ${JSON.stringify(UpgradeVersionTag)}`,
        ].join('\n'))
        return 0
      },
    },
    {
      name: 'set-config', summary: 'change the configuration of autopilot: what is not given stays', asks: 'servers', failing: 'Error setting Autopilot configuration',
      flags: [
        ['-cleanup-dead-servers <true|false>', 'whether failed servers are removed while a quorum stays'],
        ['-last-contact-threshold <duration>', 'a healthy server was heard from within this'],
        ['-max-trailing-logs <n>', 'a healthy server lacks at most so many entries'],
        ['-min-quorum <n>', 'never fewer servers than this because of a cleanup'],
        ['-server-stabilization-time <duration>', 'a new server is healthy for this long before it votes'],
      ],
      run: setConfig,
    },
  ],
}

async function setConfig({ flags, client, terminal }: Invocation): Promise<number> {
  const { ModifyIndex, CreateIndex, ...before } = await client.get(path, configuration)
  const cleanup = textOf(flags, 'cleanupDeadServers')
  if (cleanup !== undefined && cleanup !== 'true' && cleanup !== 'false') throw new CommandFailure(`invalid boolean value ${JSON.stringify(cleanup)} for -cleanup-dead-servers`)
  const body = JSON.stringify({
    ...before,
    ...cleanup === undefined ? {} : { CleanupDeadServers: cleanup === 'true' },
    ...duration('LastContactThreshold', '-last-contact-threshold', textOf(flags, 'lastContactThreshold')),
    ...duration('ServerStabilizationTime', '-server-stabilization-time', textOf(flags, 'serverStabilizationTime')),
    ...counted('MaxTrailingLogs', '-max-trailing-logs', textOf(flags, 'maxTrailingLogs')),
    ...counted('MinQuorum', '-min-quorum', textOf(flags, 'minQuorum')),
  })
  // Whoever changed it meanwhile must not be undone unseen.
  const answer = await client.succeed('PUT', path, { query: { cas: String(ModifyIndex) }, body })
  if (!decode(answer, z.boolean())) {
    terminal.print('Configuration could not be atomically updated, please try again')
    return 1
  }
  terminal.print('Configuration updated!')
  return 0
}

function duration(key: string, flag: string, value: string | undefined): Record<string, string> {
  if (value === undefined) return {}
  if (parseDurationNs(value) === null) throw new CommandFailure(`invalid value ${JSON.stringify(value)} for flag ${flag}: time: invalid duration ${JSON.stringify(value)}`)
  return { [key]: value }
}

function counted(key: string, flag: string, value: string | undefined): Record<string, number> {
  if (value === undefined) return {}
  if (!/^\d+$/.test(value)) throw new CommandFailure(`invalid value ${JSON.stringify(value)} for flag ${flag}: strconv.ParseUint: parsing ${JSON.stringify(value)}: invalid syntax`)
  return { [key]: Number(value) }
}
