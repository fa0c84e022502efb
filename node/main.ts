#!/usr/bin/env node
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { resolveAgentConfig, type AgentConfig } from './agent/agent-config.ts'
import { parseAgentFlags } from './agent/flags.ts'
import { lineLog } from './agent/line-log.ts'
import { productVersion, runMember, type RunningMember } from './agent/run-member.ts'
import { UsageError } from './agent/usage-error.ts'

/** Runs one member until it is told to stop. Resolves with the exit code: 0 after SIGTERM or SIGINT, 1 after a failure. */
export async function runAgent(args: readonly string[]): Promise<number> {
  const print = (text: string) => process.stdout.write(text)
  let config: AgentConfig
  let reread: () => AgentConfig
  try {
    const flags = parseAgentFlags(args)
    if ('help' in flags) {
      print(flags.help)
      return 0
    }
    reread = () => resolveAgentConfig(flags)
    config = reread()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`==> ${error.message}\n`)
    return 1
  }
  const log = lineLog(config.logLevel, print)
  print('==> Starting splitbrain agent...\n')
  const told = toldToStop()
  try {
    const member = await runMember(config, log, () => {
      const next = reread()
      log.setLevel(next.logLevel)
      return next
    })
    const hup = () => { member.reload() }
    process.on('SIGHUP', hup)
    print(banner(config, member))
    try {
      const reason = await Promise.race([told.next(), member.failed, member.left.then(() => 'left the cluster')])
      log.info('shutting down', { reason })
      if ((reason === 'SIGINT' || reason === 'SIGTERM') && config.leaveOn[reason]) await leave(member, told)
    } finally {
      process.off('SIGHUP', hup)
      await member.stop()
    }
    print('==> Exit code: 0\n')
    return 0
  } catch (error) {
    process.stderr.write(`==> ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    told.forget()
  }
}

/** As long as Consul gives a graceful leave. */
const leaveMsMax = 15_000

/** Throws if it takes too long, or somebody insists. */
async function leave(member: RunningMember, told: Told): Promise<void> {
  process.stdout.write('==> Gracefully shutting down agent...\n')
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`The cluster was not left within ${leaveMsMax / 1000} s; the process ends all the same.`)), leaveMsMax)
  const insisted = told.next().then((signal) => { throw new Error(`${signal} came again; the process ends without having left the cluster.`) })
  insisted.catch(() => {})
  try {
    await Promise.race([member.leave(), late.promise, member.failed, insisted])
  } finally {
    clearTimeout(timer)
  }
}

interface Told {
  /** Resolves with the next signal to stop that comes, or that came unheard. */
  next(): Promise<string>
  forget(): void
}

function toldToStop(): Told {
  const signals = ['SIGTERM', 'SIGINT'] as const
  let waiting = Promise.withResolvers<string>()
  const heard = (signal: string) => waiting.resolve(signal)
  for (const signal of signals) process.on(signal, heard)
  return {
    next: () => waiting.promise.then((signal) => {
      waiting = Promise.withResolvers()
      return signal
    }),
    forget: () => {
      for (const signal of signals) process.off(signal, heard)
    },
  }
}

function banner(config: AgentConfig, { id, httpPort, dnsPort }: RunningMember): string {
  const rows = [
    ['Version', `'${productVersion()}'`],
    ['Node ID', `'${id}'`],
    ['Node name', `'${config.name}'`],
    ['Datacenter', `'${config.datacenter}'`],
    ['Server', config.isServer ? `true (Bootstrap expect: ${config.bootstrapExpect})` : 'false'],
    ['Client Addr', `[${config.clientHost}] (HTTP: ${httpPort}, DNS: ${dnsPort ?? 'off'})`],
    ['Cluster Addr', config.isServer ? `${config.advertise} (Raft and RPC)` : `${config.gossip?.advertise} (gossip)`],
  ]
  return `${rows.map(([name, value]) => `${name!.padStart(18)}: ${value}\n`).join('')}\n==> splitbrain agent running! Log data will now stream in as it occurs:\n\n`
}

/** Started as a program, not imported. */
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exit(await runAgent(process.argv.slice(2)))
}
