import { createWriteStream, renameSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { unexpectedStatus } from '../agent-client.ts'
import { columns } from '../columns.ts'
import type { CommandGroup, CommandSpec } from '../command.ts'
import { CommandFailure } from '../terminal.ts'
import { fileProblem } from './data-operand.ts'
import { readSnapshot } from './snapshot-archive.ts'

const save: CommandSpec = {
  name: 'save', summary: 'write all state of the servers to a file', operands: 'FILE', asks: 'servers', failing: 'Error saving snapshot',
  async run({ args, client, terminal }) {
    const path = oneFile(args)
    const { status, body } = await client.stream('GET', '/v1/snapshot')
    if (status !== 200) throw unexpectedStatus({ status, body: Buffer.concat(await Array.fromAsync(body)) })
    // Under its own name only when it is known to be whole.
    const unverified = `${path}.unverified.tmp${process.pid}`
    try {
      await pipeline(Readable.from(body), createWriteStream(unverified, { mode: 0o600 })).catch((error: unknown) => {
        throw new CommandFailure(`Error writing unverified snapshot file: ${fileProblem(unverified, error)}`)
      })
      const { index } = await verified(unverified)
      renameSync(unverified, path)
      terminal.print(`Saved and verified snapshot to index ${index}`)
      return 0
    } finally {
      rmSync(unverified, { force: true })
    }
  },
}

const restore: CommandSpec = {
  name: 'restore', summary: 'replace all state of the servers by a file\'s', operands: 'FILE', asks: 'servers', failing: 'Error restoring snapshot',
  async run({ args, client, terminal }) {
    const archive = await read(oneFile(args))
    await client.succeed('PUT', '/v1/snapshot', { body: archive })
    terminal.print('Restored snapshot')
    return 0
  },
}

const inspect: CommandSpec = {
  name: 'inspect', summary: 'print what a snapshot\'s file says of itself', operands: 'FILE', asks: 'nobody',
  async run({ args, terminal }) {
    const { id, size, index, term, version } = await verified(oneFile(args))
    terminal.print(`${columns(Object.entries({ ID: id, Size: size, Index: index, Term: term, Version: version }).map(([name, value]) => [name, String(value)]), 6)}\n`)
    return 0
  },
}

/** `splitbrain snapshot`, as `consul snapshot`. */
export const snapshot: CommandGroup = { name: 'snapshot', summary: 'save, restore and inspect the servers\' state', commands: [save, restore, inspect] }

function oneFile(args: readonly string[]): string {
  if (args.length === 0 || args[0] === '') throw new CommandFailure('Missing FILE argument')
  if (args.length > 1) throw new CommandFailure(`Too many arguments (expected 1, got ${args.length})`)
  return args[0]!
}

async function read(path: string): Promise<Buffer> {
  return await readFile(path).catch((error: unknown) => {
    throw new CommandFailure(`Error opening snapshot file: ${fileProblem(path, error)}`)
  })
}

async function verified(path: string) {
  return await readSnapshot(await read(path)).catch((error: unknown) => {
    throw new CommandFailure(`Error verifying snapshot: ${(error as Error).message}`)
  })
}
