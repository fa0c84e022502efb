#!/usr/bin/env node
import { processTerminal } from './cli/terminal.ts'
import { runClient } from './cli/run-client.ts'

/** The process of `splitbrain kv`, `splitbrain members` and the other commands that speak to an agent. */
// Who reads only the first lines, as `head` does, closes the pipe: no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
const exitCode = await runClient(process.argv.slice(2), processTerminal)
// What was written must have left before the process may end.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)))
