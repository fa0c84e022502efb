import { resolve } from 'node:path'
import { CommanderError, type Command } from 'commander'
import { parsePlanOptions } from '../plan/options.ts'
import { packageVersion } from '../plan/provenance.ts'
import { UsageError } from '../plan/usage-error.ts'
import { runAgentCommand } from './agent-command.ts'
import { isClientCommand, runClientCommand } from './client-command.ts'
import { exitCodes, InterruptedCommand } from './exit-codes.ts'
import { makeProgram } from './program.ts'
import { runTestCommand, type TestCommandPorts } from './test-command.ts'

/** The whole command line, without a process: arguments in, exit code out. Never rejects. */
export async function runCli(args: readonly string[], ports: TestCommandPorts): Promise<number> {
  const { io } = ports
  try {
    if (args[0] === 'agent') return await runAgentCommand(args.slice(1))
    return isClientCommand(args[0]) ? await runClientCommand(args) : await dispatch(args, ports)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.valid : exitCodes.usage
    if (error instanceof InterruptedCommand) return error.exitCode
    if (error instanceof UsageError) {
      io.error(error.message)
      return exitCodes.usage
    }
    io.error(`splitbrain failed: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
    return exitCodes.crashed
  }
}

async function dispatch(args: readonly string[], ports: TestCommandPorts): Promise<number> {
  const { io } = ports
  let exitCode: number = exitCodes.usage
  const program = makeProgram({
    async test({ config, ...flags }) {
      // Commander says `progress: true` where --no-progress is absent; that must not win over a file.
      if (flags['progress'] === true) delete (flags as Record<string, unknown>)['progress']
      exitCode = await runTestCommand(parsePlanOptions(flags, 'The command line'), config, ports)
    },
    async check(file, options) {
      const { isDirectory, runCheckOfRun } = await import('./check-run.ts')
      const { isArchive, openRun } = await import('../../results/bundle/open-bundle.ts')
      const place = resolve(ports.workingDirectory, file)
      if (isDirectory(place) || isArchive(place)) {
        using opened = await openRun(place, ports, (code) => process.exit(code))
        exitCode = await runCheckOfRun(opened.directory, { json: options['json'] === true }, ports.host, io)
        return
      }
      const { runCheck } = await import('./check.ts')
      exitCode = await runCheck(file, options, io, { workloads: ports.host.workloads, workingDirectory: ports.workingDirectory })
    },
    async explore({ config, ...flags }) {
      const { splitExploreFlags, runExploreCommand } = await import('./explore-command.ts')
      const { explore, run } = splitExploreFlags(flags)
      exitCode = await runExploreCommand(parsePlanOptions(run, 'The command line'), explore, config, ports)
    },
    async replay(run, options) {
      const { runReplayCommand } = await import('./replay-command.ts')
      exitCode = await runReplayCommand(run, options, ports)
    },
    async shrink(run, options) {
      const { runShrinkCommand } = await import('./shrink-command.ts')
      exitCode = await runShrinkCommand(run, options, ports)
    },
    async faults(run) {
      const { readRecordedFaults } = await import('../plan/fault-script-file.ts')
      io.print(JSON.stringify(readRecordedFaults(resolve(ports.workingDirectory, run)), null, 2))
      exitCode = exitCodes.valid
    },
    async export(run, options) {
      const { runExport } = await import('../../results/export/export-run.ts')
      exitCode = await runExport(run, options, ports)
    },
    async bundle(run, options) {
      const { runBundle } = await import('../../results/bundle/bundle-run.ts')
      exitCode = await runBundle(run, options, ports)
    },
    async doctor(options) {
      if (options.probe === true) {
        const { runProbes } = await import('./doctor-probe.ts')
        exitCode = await runProbes(options, ports)
        return
      }
      const { runDoctor } = await import('./doctor.ts')
      exitCode = await runDoctor(options, io)
    },
    async nightly(flags) {
      const { runNightlyCommand } = await import('../nightly/run-night.ts')
      exitCode = await runNightlyCommand(flags, ports)
    },
    async serve(flags) {
      const { runServeCommand } = await import('./serve-command.ts')
      exitCode = await runServeCommand(flags, ports)
    },
    async compare(records, flags, rerun) {
      const { runCompareCommand } = await import('./compare-command.ts')
      exitCode = await runCompareCommand(records, flags, rerun, ports)
    },
    async bench(benchmark, flags, rerun) {
      const { runBenchmark } = await import('../bench/run-benchmark.ts')
      exitCode = await runBenchmark(benchmark, flags, rerun, ports)
    },
  }, packageVersion())
  for (const command of commandsOf(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => io.print(text.trimEnd()),
      writeErr: (text) => io.error(text.trimEnd()),
    })
  }
  await program.parseAsync(args, { from: 'user' })
  return exitCode
}

/** With those below it. */
function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap((inner) => commandsOf(inner))]
}
