import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { UsageError } from './usage-error.ts'

/** What may be said on the command line, each as it was given. */
export interface AgentFlags {
  readonly server?: boolean
  readonly dev?: boolean
  readonly bootstrap?: boolean
  readonly bootstrapExpect?: number
  readonly node?: string
  readonly nodeId?: string
  readonly bind?: string
  readonly client?: string
  readonly advertise?: string
  readonly dataDir?: string
  readonly datacenter?: string
  readonly retryJoin?: readonly string[]
  readonly retryInterval?: string
  readonly configFile?: readonly string[]
  readonly configDir?: readonly string[]
  readonly logLevel?: string
  readonly httpPort?: number
  readonly serverPort?: number
  readonly serfLanPort?: number
  readonly dnsPort?: number
  readonly domain?: string
  readonly pidFile?: string
  readonly raftTrace?: string
  readonly enableScriptChecks?: boolean
  readonly nodeMeta?: readonly string[]
  readonly rejoin?: boolean
}

const collect = (value: string, before: readonly string[] = []) => [...before, value]

function wholeNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}

function wholeNumberOrNone(value: string): number {
  return value === '-1' ? -1 : wholeNumber(value)
}

function program(): Command {
  return new Command('splitbrain agent')
    .description('Runs one member of the registry in the foreground, with Consul\'s flags.')
    .option('--server', 'be a server: take part in consensus; without it: a client agent, that passes requests on to servers')
    .option('--bootstrap', 'the same as -bootstrap-expect 1')
    .option('--bootstrap-expect <n>', 'form the cluster when so many servers know each other', wholeNumber)
    .option('--node <name>', 'unique name of this member; default: the host\'s name')
    .option('--node-id <id>', 'unique id that survives restarts; default: a UUID kept in the data directory')
    .option('--bind <address>', 'address for servers\' talk to each other')
    .option('--client <address>', 'address of the HTTP API')
    .option('--advertise <address>', 'address that other servers reach this one by; default: -bind')
    .option('--data-dir <path>', 'where the log is kept')
    .option('--datacenter <name>', 'name of the data centre')
    .option('--retry-join <address>', 'another server\'s gossip address, host or host:port; its server address where there is no gossip; may be repeated', collect)
    .option('--retry-interval <duration>', 'from one round of -retry-join to the next (30s)')
    .option('--config-file <path>', 'JSON with Consul\'s keys; may be repeated, later ones win, flags win over all', collect)
    .option('--config-dir <path>', 'every .json in a folder, in order of name; may be repeated', collect)
    .option('--log-level <level>', 'trace, debug, info, warn or err')
    .option('--http-port <port>', 'port of the HTTP API (8500)', wholeNumber)
    .option('--dns-port <port>', 'port of DNS, UDP and TCP (8600); -1: none', wholeNumberOrNone)
    .option('--domain <name>', 'the zone that DNS answers for (consul)')
    .option('--server-port <port>', 'port for servers\' talk to each other (8300)', wholeNumber)
    .option('--serf-lan-port <port>', 'port for gossip, UDP and TCP (8301); -1: no gossip', wholeNumberOrNone)
    .option('--pid-file <path>', 'where to write the process id')
    .option('--raft-trace <path>', 'append what happens in Raft to this file, one JSON object a line, for checkers')
    .option('--node-meta <key:value>', 'metadata of this node, for others to filter by; may be repeated', collect)
    .option('--rejoin', 'join the members known before also after having left the cluster')
    .option('--enable-script-checks', 'let checks run commands on this machine: whoever reaches the API may then run anything')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
}

/**
 * Flags in Consul's manner: `-node n1`, `-node=n1` and `--node n1` are the same.
 * Throws UsageError; `{ help }` when help was asked for.
 */
export function parseAgentFlags(args: readonly string[]): AgentFlags | { readonly help: string } {
  const command = program()
  // A single dash before a word is Consul's long option; alone, or before a digit, it is none.
  const normal = args.map((arg) => arg.replace(/^-(?=[a-z][a-z-]+(=|$))/, '--'))
  if (normal.includes('--help') || normal.includes('-h')) return { help: command.helpInformation() }
  try {
    command.parse(normal, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageError(`${error.message.replace(/^error: /, '')}. See splitbrain agent -help.`)
    throw error
  }
  return command.opts<AgentFlags>()
}
