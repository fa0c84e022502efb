import { z } from 'zod'
import { decode, unexpectedStatus } from '../agent-client.ts'
import type { CommandSpec } from '../command.ts'
import { parseExact, stringifyExact } from '../exact-json.ts'
import { CommandFailure } from '../terminal.ts'
import { dataOperand } from './data-operand.ts'
import { keyPath, kvEntry } from './kv-entry.ts'

const exported = z.object({ key: z.string().min(1), flags: z.union([z.int(), z.bigint()]).default(0), value: z.string().nullish() })

/** `kv export`: entries as JSON that `kv import` of this program and of Consul's reads. */
export const kvExport: CommandSpec = {
  name: 'export', summary: 'print all entries below a prefix as JSON, for kv import', operands: '[PREFIX]', asks: 'servers',
  async run({ args, client, terminal }) {
    if (args.length > 1) throw new CommandFailure(`Too many arguments (expected 1, got ${args.length})`)
    const answer = await client.request('GET', keyPath(args[0] ?? ''), { query: { recurse: '' } })
    if (answer.status !== 200 && answer.status !== 404) throw unexpectedStatus(answer)
    const entries = answer.status === 404 ? [] : decode(answer, z.array(kvEntry))
    terminal.print(stringifyExact(entries.map(({ Key, Flags, Value }) => ({ key: Key, flags: Flags, value: Value ?? '' })), '\t'))
    return 0
  },
}

export const kvImport: CommandSpec = {
  name: 'import', summary: 'write all entries of JSON that kv export printed', operands: 'DATA | @FILE | -', asks: 'servers', failing: 'Error! Failed writing data',
  async run({ args, client, terminal }) {
    if (args.length > 1) throw new CommandFailure(`Error! Too many arguments (expected 1, got ${args.length})`)
    if ((args[0] ?? '') === '') throw new CommandFailure('Error! Missing DATA argument')
    const data = await dataOperand(args[0]!, terminal)
    for (const { key, flags, value } of entriesIn(data.toString())) {
      const answer = await client.succeed('PUT', keyPath(key), { query: { flags: flags === 0 ? undefined : String(flags) }, body: Buffer.from(value ?? '', 'base64') })
      if (!decode(answer, z.boolean())) throw new CommandFailure(`Error! Failed writing data for key ${key}: the agent refused it`)
      terminal.print(`Imported: ${key}`)
    }
    return 0
  },
}

/** All are checked before the first is written. */
function entriesIn(text: string): z.infer<typeof exported>[] {
  let value: unknown
  try {
    value = parseExact(text)
  } catch (error) {
    throw new CommandFailure(`Cannot unmarshal data: ${(error as Error).message}`)
  }
  const parsed = z.array(exported).safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new CommandFailure(`Cannot unmarshal data: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`)
}
