import { z } from 'zod'
import { decode, unexpectedStatus } from '../agent-client.ts'
import { columns } from '../columns.ts'
import { textOf, unsigned, type CommandGroup, type Invocation } from '../command.ts'
import { CommandFailure } from '../terminal.ts'
import { dataOperand } from './data-operand.ts'
import { keyPath, kvEntry, type KvEntry } from './kv-entry.ts'
import { kvExport, kvImport } from './kv-transfer.ts'

/** `splitbrain kv`, as `consul kv` (Consul's documentation, "Commands: KV"). */
export const kv: CommandGroup = {
  name: 'kv',
  summary: 'read and write the key-value store',
  commands: [
    {
      name: 'get', summary: 'print a value, or what is below a prefix', operands: 'KEY_OR_PREFIX', asks: 'servers', run: get,
      flags: [
        ['-base64', 'print values in base 64'],
        ['-detailed', 'print all that is known of an entry'],
        ['-keys', 'print names only, of all that start with the prefix'],
        ['-recurse', 'print all entries that start with the prefix'],
        ['-separator <text>', 'with -keys: print names up to this text after the prefix, each once (default: /)'],
      ],
    },
    {
      name: 'put', summary: 'write a value', operands: 'KEY [DATA | @FILE | -]', asks: 'servers', run: put, failing: 'Error! Failed writing data',
      flags: [
        ['-acquire', 'take the lock on the key for -session'],
        ['-base64', 'DATA is in base 64'],
        ['-cas', 'only if the entry still has -modify-index'],
        ['-flags <n>', 'a number to keep with the value (default: 0)'],
        ['-modify-index <n>', 'index that the entry had when it was read'],
        ['-release', 'give the lock on the key back'],
        ['-session <id>', 'session that takes or gives back the lock'],
      ],
    },
    {
      name: 'delete', summary: 'remove a key, or all below a prefix', operands: 'KEY_OR_PREFIX', asks: 'servers', run: remove, failing: 'Error! Did not delete',
      flags: [
        ['-cas', 'only if the entry still has -modify-index'],
        ['-modify-index <n>', 'index that the entry had when it was read'],
        ['-recurse', 'all keys that start with the prefix'],
      ],
    },
    kvExport,
    kvImport,
  ],
}

async function get({ flags, args, client, terminal }: Invocation): Promise<number> {
  if (args.length > 1) throw new CommandFailure(`Too many arguments (expected 1, got ${args.length})`)
  const key = args[0] ?? ''
  const many = flags['keys'] === true || flags['recurse'] === true
  if (key === '' && !many) throw new CommandFailure('Error! Missing KEY argument')
  const query = flags['keys'] === true
    ? { keys: '', separator: typeof flags['separator'] === 'string' ? flags['separator'] : '/' }
    : { recurse: flags['recurse'] === true ? '' : undefined }
  const answer = await client.request('GET', keyPath(key), { query })
  if (answer.status === 404) {
    if (many) return 0
    throw new CommandFailure(`Error! No key exists at: ${key.replace(/^\//, '')}`)
  }
  if (answer.status !== 200) throw unexpectedStatus(answer)
  if (flags['keys'] === true) {
    for (const name of decode(answer, z.array(z.string()))) terminal.print(name)
    return 0
  }
  const entries = decode(answer, z.array(kvEntry))
  const value = (entry: KvEntry) => {
    const bytes = Buffer.from(entry.Value ?? '', 'base64')
    return flags['base64'] === true ? Buffer.from(bytes.toString('base64')) : bytes
  }
  entries.forEach((entry, i) => {
    const bytes = value(entry)
    if (flags['detailed'] === true) {
      if (i > 0) terminal.print('')
      terminal.write(Buffer.concat([Buffer.from(details(entry)), bytes]))
    } else {
      terminal.write(flags['recurse'] === true ? Buffer.concat([Buffer.from(`${entry.Key}:`), bytes]) : bytes)
    }
    terminal.print('')
  })
  return 0
}

/** All but the value itself, which may be any bytes and comes last. */
function details({ CreateIndex, Flags, Key, LockIndex, ModifyIndex, Session }: KvEntry): string {
  return columns(Object.entries({ CreateIndex, Flags, Key, LockIndex, ModifyIndex, Session: Session ?? '-', Value: '' })
    .map(([name, value]) => [name, String(value)]), 6)
}

async function put({ flags, args, client, terminal }: Invocation): Promise<number> {
  const [key = '', data] = args
  if (args.length > 2) throw new CommandFailure(`Error! Too many arguments (expected 1 or 2, got ${args.length})`)
  if (key === '') throw new CommandFailure('Error! Missing KEY argument')
  const given = await dataOperand(data ?? '', terminal)
  const body = flags['base64'] === true ? decodeBase64(given.toString()) : given
  // Unlike `kv delete`, Consul's `kv put` lets -modify-index stand alone, and ignores it.
  const index = flags['cas'] === true ? casIndex(flags) : undefined
  const session = textOf(flags, 'session')
  if ((flags['acquire'] === true || flags['release'] === true) && session === undefined) throw new CommandFailure('Error! Missing -session (required with -acquire and -release)')
  if (key.startsWith('/')) throw new CommandFailure(`Error! Failed writing data: Invalid key. Key must not begin with a '/': ${key}`)
  const number = unsigned(flags, 'flags', 'flags') ?? 0n
  const [condition, query] = index !== undefined ? ['CAS failed', { cas: String(index) }] as const
    : flags['acquire'] === true ? ['could not acquire lock', { acquire: session }] as const
      : flags['release'] === true ? ['could not release lock', { release: session }] as const
        : ['the agent refused it', {}] as const
  const answer = await client.succeed('PUT', keyPath(key), { query: { ...query, flags: number === 0n ? undefined : String(number) }, body })
  if (!decode(answer, z.boolean())) throw new CommandFailure(`Error! Did not write to ${key}: ${condition}`)
  if (index === undefined && flags['acquire'] === true) terminal.print(`Success! Lock acquired on: ${key}`)
  else if (index === undefined && flags['release'] === true) terminal.print(`Success! Lock released on: ${key}`)
  else terminal.print(`Success! Data written to: ${key}`)
  return 0
}

async function remove({ flags, args, client, terminal }: Invocation): Promise<number> {
  if (args.length > 1) throw new CommandFailure(`Error! Too many arguments (expected 1, got ${args.length})`)
  const key = args[0] ?? ''
  const recurse = flags['recurse'] === true
  if (key === '' && !recurse) throw new CommandFailure('Error! Missing KEY argument')
  const index = casIndex(flags)
  if (recurse && index !== undefined) throw new CommandFailure('Cannot specify both -cas and -recurse!')
  const query = { cas: index === undefined ? undefined : String(index), recurse: recurse ? '' : undefined }
  const deleted = decode(await client.succeed('DELETE', keyPath(key), { query }), z.boolean())
  if (!deleted) throw new CommandFailure(`Error! Did not delete key ${key}: CAS failed`)
  terminal.print(recurse ? `Success! Deleted keys with prefix: ${key}` : `Success! Deleted key: ${key}`)
  return 0
}

/** Undefined without -cas. Throws CommandFailure where only one of the two flags is given; 0 counts as none. */
function casIndex(flags: Invocation['flags']): bigint | undefined {
  const index = unsigned(flags, 'modifyIndex', 'modify-index') ?? 0n
  if (flags['cas'] === true && index === 0n) throw new CommandFailure('Must specify -modify-index with -cas!')
  if (flags['cas'] !== true && index !== 0n) throw new CommandFailure('Cannot specify -modify-index without -cas!')
  return index === 0n ? undefined : index
}

function decodeBase64(text: string): Buffer {
  const compact = text.replace(/[\r\n]/g, '')
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)) throw new CommandFailure('Error! Cannot base 64 decode data: illegal base64 data')
  return Buffer.from(compact, 'base64')
}
