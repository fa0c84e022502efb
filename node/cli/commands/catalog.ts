import { z } from 'zod'
import { escapePath } from '../agent-client.ts'
import { columns } from '../columns.ts'
import { atMost, listOf, textOf, type CommandGroup, type Invocation } from '../command.ts'
import { CommandFailure } from '../terminal.ts'
import { compare } from './members.ts'

const strings = z.record(z.string(), z.string()).nullish()
/** Of `catalog/nodes`, and of `catalog/service/NAME`, which calls the node's metadata otherwise. */
const node = z.object({ ID: z.string(), Node: z.string(), Address: z.string(), Datacenter: z.string(), TaggedAddresses: strings, Meta: strings, NodeMeta: strings })
const tags = z.array(z.string()).nullable()
const nodeServices = z.object({ Services: z.record(z.string(), z.object({ Service: z.string(), Tags: tags.optional() })) }).nullable()

/** `splitbrain catalog`: what the servers know. */
export const catalog: CommandGroup = {
  name: 'catalog',
  summary: 'list data centres, nodes and services',
  commands: [
    {
      name: 'datacenters', summary: 'list all known data centres', asks: 'servers', failing: 'Error listing datacenters',
      async run({ args, client, terminal }) {
        atMost(args, 0)
        for (const name of await client.get('/v1/catalog/datacenters', z.array(z.string()))) terminal.print(name)
        return 0
      },
    },
    {
      name: 'nodes', summary: 'list nodes', asks: 'servers', failing: 'Error listing nodes', run: nodes,
      flags: [
        ['-detailed', 'print whole IDs, all addresses and metadata'],
        ['-filter <expression>', 'only nodes that fit, as in the API'],
        ['-near <node>', 'nearest to this node first; _agent is the asked one'],
        ['-node-meta <key=value...>', 'only nodes with this metadata; may be repeated'],
        ['-service <name>', 'only nodes with an instance of this service'],
      ],
    },
    {
      name: 'services', summary: 'list services', asks: 'servers', failing: 'Error listing services', run: services,
      flags: [
        ['-node <name>', 'only services of this node, by name or ID'],
        ['-node-meta <key=value...>', 'only services on nodes with this metadata; may be repeated'],
        ['-tags', 'print tags too'],
      ],
    },
  ],
}

/** The API's `key:value` for the flag's `key=value`. */
function nodeMeta(flags: Invocation['flags']): readonly string[] {
  return listOf(flags, 'nodeMeta').map((pair) => {
    const at = pair.indexOf('=')
    return at === -1 ? `${pair}:` : `${pair.slice(0, at)}:${pair.slice(at + 1)}`
  })
}

async function nodes({ flags, args, client, terminal }: Invocation): Promise<number> {
  atMost(args, 0)
  const service = textOf(flags, 'service')
  const path = service === undefined ? '/v1/catalog/nodes' : `/v1/catalog/service/${escapePath(service)}`
  const found = await client.get(path, z.array(node), { near: textOf(flags, 'near'), filter: textOf(flags, 'filter'), 'node-meta': nodeMeta(flags) })
  if (found.length === 0) {
    terminal.error('No nodes match the given query - try expanding your search.')
    return 0
  }
  const pairs = (record: z.infer<typeof strings>) => Object.entries(record ?? {}).map(([name, value]) => `${name}=${value}`).sort().join(', ')
  terminal.print(columns(flags['detailed'] === true
    ? [['Node', 'ID', 'Address', 'DC', 'TaggedAddresses', 'Meta'],
      ...found.map((one) => [one.Node, one.ID, one.Address, one.Datacenter, pairs(one.TaggedAddresses), pairs(one.NodeMeta ?? one.Meta)])]
    : [['Node', 'ID', 'Address', 'DC'], ...found.map((one) => [one.Node, one.ID.slice(0, 8), one.Address, one.Datacenter])]))
  return 0
}

async function services({ flags, args, client, terminal }: Invocation): Promise<number> {
  atMost(args, 0)
  const onNode = textOf(flags, 'node')
  const found: Record<string, Set<string>> = Object.create(null)
  const learn = (name: string, its: readonly string[] | null | undefined) => { found[name] = new Set([...found[name] ?? [], ...its ?? []]) }
  if (onNode !== undefined) {
    const answer = await client.get(`/v1/catalog/node/${escapePath(onNode)}`, nodeServices, { 'node-meta': nodeMeta(flags) })
    for (const { Service, Tags } of Object.values(answer?.Services ?? {})) learn(Service, Tags)
  } else {
    const answer = await client.get('/v1/catalog/services', z.record(z.string(), tags), { 'node-meta': nodeMeta(flags) })
    for (const [name, its] of Object.entries(answer)) learn(name, its)
  }
  const names = Object.keys(found).sort(compare)
  if (names.length === 0) {
    terminal.error('No services match the given query - try expanding your search.')
    return 0
  }
  terminal.print(flags['tags'] === true
    ? columns(names.map((name) => [name, [...found[name]!].sort(compare).join(',')]), 6).trimEnd()
    : names.join('\n'))
  return 0
}

/** Throws CommandFailure unless the text is `key=value`. */
export function keyValue(text: string, flag: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new CommandFailure(`invalid value ${JSON.stringify(text)} for flag -${flag}: write key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}
