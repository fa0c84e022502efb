import { Command, CommanderError } from 'commander'
import { addCommand, goFlags } from './command.ts'
import { commandTree } from './commands/index.ts'
import { CommandFailure, type Terminal } from './terminal.ts'

/** The commands that speak to an agent, without a process: arguments in, exit code out. 1: failed, or wrong arguments. */
export async function runClient(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 1
  const program = makeProgram(terminal, (code) => { exitCode = code })
  const { command, path, rest } = find(program, args)
  if (command.commands.length > 0) {
    const asksForHelp = /^--?h(elp)?$/.test(rest[0] ?? '')
    if (asksForHelp) terminal.print(command.helpInformation().trimEnd())
    else terminal.error(command.helpInformation().trimEnd())
    return asksForHelp ? 0 : path.length === 0 ? 127 : 1
  }
  try {
    await program.parseAsync([...path, ...goFlags(command, rest)], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode
    if (!(error instanceof CommandFailure)) throw error
    terminal.error(error.message)
    return error.exitCode
  }
}

function makeProgram(terminal: Terminal, ran: (exitCode: number) => void): Command {
  const program = new Command('splitbrain').description('Commands for a running agent, of splitbrain or of Consul.').helpCommand(false)
  for (const tree of commandTree) addCommand(program, tree, terminal, ran)
  configure(program, terminal)
  return program
}

function configure(command: Command, terminal: Terminal): void {
  command.exitOverride().helpCommand(false).helpOption('-h, --help', 'this text')
    // As people write them for Consul: one dash.
    .configureHelp({ optionTerm: ({ flags }) => flags.replace('--', '-') })
    .configureOutput({ writeOut: (text) => terminal.print(text.trimEnd()), writeErr: (text) => terminal.error(text.trimEnd()) })
  for (const child of command.commands) configure(child, terminal)
}

/** The innermost command that the first words name, and what follows them. */
function find(program: Command, args: readonly string[]): { readonly command: Command, readonly path: string[], readonly rest: readonly string[] } {
  let command = program
  const path: string[] = []
  for (const word of args) {
    const child = command.commands.find((candidate) => candidate.name() === word)
    if (child === undefined) break
    command = child
    path.push(word)
  }
  return { command, path, rest: args.slice(path.length) }
}
