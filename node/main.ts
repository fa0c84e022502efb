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
      const signal = await Promise.race([told.signal, member.failed, member.left.then(() => 'left the cluster')])
      log.info('shutting down', { reason: signal })
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

function toldToStop(): { readonly signal: Promise<string>, forget(): void } {
  const signals = ['SIGTERM', 'SIGINT'] as const
  const { promise, resolve } = Promise.withResolvers<string>()
  for (const signal of signals) process.on(signal, resolve)
  return {
    signal: promise,
    forget: () => {
      for (const signal of signals) process.off(signal, resolve)
    },
  }
}

function banner(config: AgentConfig, { id, httpPort, dnsPort }: RunningMember): string {
  const rows = [
    ['Version', `'${productVersion()}'`],
    ['Node ID', `'${id}'`],
    ['Node name', `'${config.name}'`],
    ['Datacenter', `'${config.datacenter}'`],
    ['Server', `true (Bootstrap expect: ${config.bootstrapExpect})`],
    ['Client Addr', `[${config.clientHost}] (HTTP: ${httpPort}, DNS: ${dnsPort ?? 'off'})`],
    ['Cluster Addr', `${config.advertise} (Raft and RPC)`],
  ]
  return `${rows.map(([name, value]) => `${name!.padStart(18)}: ${value}\n`).join('')}\n==> splitbrain agent running! Log data will now stream in as it occurs:\n\n`
}

/** Started as a program, not imported. */
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exit(await runAgent(process.argv.slice(2)))
}
