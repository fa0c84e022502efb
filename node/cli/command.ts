import { Command, Option } from 'commander'
import { parseDurationNs } from '../base/duration.ts'
import { AgentClient, AgentError, type ClientFlags } from './agent-client.ts'
import { CommandFailure, type Terminal } from './terminal.ts'

/** What a command is run with: its flags by commander's names, what follows them, and the agent to ask. */
export interface Invocation {
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
  readonly args: readonly string[]
  readonly client: AgentClient
  readonly terminal: Terminal
}

export interface CommandSpec {
  readonly name: string
  readonly summary: string
  /** What follows the flags, for help: `KEY [DATA]`. */
  readonly operands?: string
  /** `-name <value>`, `-name`, or `-no-name` of one that is on unless said; and what it does. A value's name that ends with `...` may be repeated. */
  readonly flags?: readonly (readonly [flag: string, about: string])[]
  /** Whose flags it takes besides: of every request, or also `-datacenter` and `-stale` of those that servers answer. */
  readonly asks: 'nobody' | 'agent' | 'servers'
  /** Resolves with the exit code. Throws CommandFailure, or AgentError, which is told after `failing`. */
  readonly run: (invocation: Invocation) => Promise<number>
  /** Before an error of the agent: `Error querying Consul agent`. */
  readonly failing?: string
}

/** A group has commands of its own: `kv get`. */
export interface CommandGroup {
  readonly name: string
  readonly summary: string
  readonly commands: readonly CommandTree[]
}

export type CommandTree = CommandSpec | CommandGroup

const agentFlags: CommandSpec['flags'] = [
  ['-http-addr <address>', 'host:port, URL or unix:// path of the agent (CONSUL_HTTP_ADDR; default: 127.0.0.1:8500)'],
  ['-token <secret>', 'ACL token (CONSUL_HTTP_TOKEN)'],
  ['-token-file <path>', 'file with the ACL token (CONSUL_HTTP_TOKEN_FILE)'],
  ['-ca-file <path>', 'certificates of authorities to trust (CONSUL_CACERT)'],
  ['-client-cert <path>', 'certificate to show (CONSUL_CLIENT_CERT)'],
  ['-client-key <path>', 'its key (CONSUL_CLIENT_KEY)'],
  ['-tls-server-name <name>', 'name to expect in the agent\'s certificate (CONSUL_TLS_SERVER_NAME)'],
]
const serverFlags: CommandSpec['flags'] = [
  ['-datacenter <name>', 'data centre to ask; default: the agent\'s'],
  ['-stale', 'any server may answer, also one that lags behind'],
]

/** Adds a command, or a group and its commands, to commander's tree; `ran` hears the exit code. */
export function addCommand(parent: Command, tree: CommandTree, terminal: Terminal, ran: (exitCode: number) => void): void {
  const command = parent.command(tree.name).description(tree.summary)
  if ('commands' in tree) {
    for (const child of tree.commands) addCommand(command, child, terminal, ran)
    return
  }
  command.usage(['[flags]', tree.operands ?? ''].join(' ').trim()).allowExcessArguments(true)
  const groups = [['Flags:', tree.flags ?? []], ['Flags of every request:', tree.asks === 'nobody' ? [] : agentFlags!], ['Flags for servers:', tree.asks === 'servers' ? serverFlags! : []]] as const
  for (const [heading, flags] of groups) {
    for (const [flag, about] of flags) command.addOption(option(flag, about).helpGroup(heading))
  }
  command.action(async (flags: Invocation['flags'], self: Command) => {
    ran(await invoke(tree, { flags, args: self.args, terminal }))
  })
}

function option(flag: string, about: string): Option {
  const result = new Option(`-${flag.replace('...>', '>')}`, about)
  return flag.endsWith('...>') ? result.argParser((value: string, before: readonly string[] = []) => [...before, value]) : result
}

async function invoke(spec: CommandSpec, { flags, args, terminal }: Omit<Invocation, 'client'>): Promise<number> {
  try {
    await using client = new AgentClient(flags as ClientFlags, terminal.env)
    return await spec.run({ flags, args, client, terminal })
  } catch (error) {
    if (error instanceof CommandFailure) {
      if (error.message !== '') terminal.error(error.message)
      return error.exitCode
    }
    if (error instanceof AgentError) {
      terminal.error(`${spec.failing ?? 'Error querying Consul agent'}: ${error.message}`)
      return 1
    }
    throw error
  }
}

/**
 * Arguments as Go's flag package reads them, rewritten for commander: flags
 * have one dash or two, `=value` or the next argument; a boolean's value can
 * only follow `=`; the first argument that is no flag, or `--`, ends them.
 * Throws CommandFailure.
 */
export function goFlags(command: Command, args: readonly string[]): string[] {
  const flags: string[] = []
  let at = 0
  for (; at < args.length; at++) {
    const arg = args[at]!
    if (arg === '--') {
      at++
      break
    }
    const [, name, value] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg) ?? []
    if (name === undefined) break
    if (name === 'h' || name === 'help') return ['--help']
    const negated = command.options.find((option) => option.negate && option.long === `--no-${name}`)
    const known = negated ?? command.options.find((option) => option.long === `--${name}`)
    if (known === undefined) throw new CommandFailure(`flag provided but not defined: -${name}\nSee splitbrain ${pathOf(command)} -help.`)
    if (known.isBoolean() || known.negate) {
      if (value !== undefined && !/^(1|t|true|0|f|false)$/i.test(value)) throw new CommandFailure(`invalid boolean value ${JSON.stringify(value)} for -${name}: parse error`)
      // Commander has a word for one of the two values; the last one said counts.
      const on = value === undefined || /^(1|t|true)$/i.test(value)
      const before = flags.indexOf(known.long!)
      if (before !== -1) flags.splice(before, 1)
      if (on === (negated === undefined)) flags.push(known.long!)
    } else if (value !== undefined) {
      flags.push(`--${name}=${value}`)
    } else {
      if (++at >= args.length) throw new CommandFailure(`flag needs an argument: -${name}`)
      flags.push(`--${name}=${args[at]}`)
    }
  }
  return [...flags, '--', ...args.slice(at)]
}

function pathOf(command: Command): string {
  return command.parent === null || command.parent.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** A flag's whole number, 0 or more, of up to 64 bits. Throws CommandFailure. */
export function unsigned(flags: Invocation['flags'], field: string, flag: string): bigint | undefined {
  const text = flags[field]
  if (text === undefined) return undefined
  if (typeof text !== 'string' || !/^\d+$/.test(text) || BigInt(text) >= 1n << 64n) throw new CommandFailure(`invalid value ${JSON.stringify(text)} for flag -${flag}: parse error`)
  return BigInt(text)
}

/** A flag's duration, `500ms` or `1m30s`, in milliseconds. Throws CommandFailure. */
export function durationMs(flags: Invocation['flags'], field: string): number | undefined {
  const text = textOf(flags, field)
  if (text === undefined) return undefined
  const ns = parseDurationNs(text)
  if (ns === null || ns < 0) throw new CommandFailure(`invalid value ${JSON.stringify(text)} for flag -${field}: parse error`)
  return ns / 1e6
}

/** At most this many operands. Throws CommandFailure. */
export function atMost(args: readonly string[], count: number): void {
  if (args.length > count) throw new CommandFailure(`Too many arguments (expected ${count}, got ${args.length})`)
}

/** A flag that was given a text, or undefined where it was not given or is empty, as Go's zero values. */
export function textOf(flags: Invocation['flags'], field: string): string | undefined {
  const value = flags[field]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function listOf(flags: Invocation['flags'], field: string): readonly string[] {
  const value = flags[field]
  return Array.isArray(value) ? value : []
}
