import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { columns } from '../columns.ts'
import { textOf, type CommandSpec } from '../command.ts'
import { CommandFailure } from '../terminal.ts'

const member = z.object({ Name: z.string(), Addr: z.string(), Port: z.int(), Tags: z.record(z.string(), z.string()).nullable(), Status: z.int() })
type Member = z.infer<typeof member>

const statuses = ['none', 'alive', 'leaving', 'left', 'failed']

/** `splitbrain members`: what this agent's gossip knows. Exit code 2: no member fits. */
export const members: CommandSpec = {
  name: 'members', summary: 'list the members that the agent knows', asks: 'agent', failing: 'Error retrieving members',
  flags: [
    ['-detailed', 'print all tags of each'],
    ['-segment <name>', 'only members of this network segment (Consul Enterprise)'],
    ['-status <regexp>', 'only members whose status fits: alive, leaving, left, failed'],
    ['-wan', 'servers of all data centres'],
  ],
  async run({ flags, client, terminal }) {
    const fits = pattern(textOf(flags, 'status') ?? '.*', 'Failed to compile status regexp')
    const segment = typeof flags['segment'] === 'string' ? flags['segment'] : allSegments
    const answer = await client.get('/v1/agent/members', z.array(member).nullable(), { wan: flags['wan'] === true ? '1' : undefined, segment })
    const found = (answer ?? []).map((one) => inSegment(one, segment)).filter(({ Status }) => fits.test(statusOf(Status))).sort((a, b) => compare(segmentOf(a), segmentOf(b)) || compare(a.Name, b.Name))
    if (found.length === 0) return 2
    terminal.print(columns(flags['detailed'] === true ? detailed(found) : standard(found)))
    return 0
  },
}

function standard(found: readonly Member[]): string[][] {
  return [
    ['Node', 'Address', 'Status', 'Type', 'Build', 'Protocol', 'DC', 'Segment'],
    ...found.map((one) => {
      const tags = one.Tags ?? {}
      const type = tags['role'] === 'consul' ? 'server' : tags['role'] === 'node' ? 'client' : 'unknown'
      const build = tags['build'] === undefined ? '< 0.3' : tags['build'].split(':')[0]!
      return [one.Name, addressOf(one), statusOf(one.Status), type, build, tags['vsn'] ?? '', tags['dc'] ?? '', segmentOf(one)]
    }),
  ]
}

function detailed(found: readonly Member[]): string[][] {
  return [
    ['Node', 'Address', 'Status', 'Tags'],
    ...found.map((one) => {
      return [one.Name, addressOf(one), statusOf(one.Status), Object.entries(one.Tags ?? {}).map(([name, value]) => `${name}=${value}`).sort().join(',')]
    }),
  ]
}

const statusOf = (status: number) => statuses[status] ?? `unknown (${status})`
const addressOf = ({ Addr, Port }: Member) => isIPv6(Addr) ? `[${Addr}]:${Port}` : `${Addr}:${Port}`

/** What an agent takes for: whatever segment. */
const allSegments = '_all'

/** With the tag as it is shown. Servers are in all segments, where all were asked for; `<` sorts them before the clients. */
function inSegment(one: Member, asked: string): Member {
  const own = one.Tags?.['segment'] ?? ''
  const segment = one.Tags?.['role'] === 'consul' && asked === allSegments ? '<all>' : own === '' ? '<default>' : own
  return { ...one, Tags: { ...one.Tags, segment } }
}

const segmentOf = ({ Tags }: Member) => Tags?.['segment'] ?? ''

export const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0

/** Throws CommandFailure. */
export function pattern(text: string, failing: string): RegExp {
  try {
    return new RegExp(text)
  } catch (error) {
    throw new CommandFailure(`${failing}: error parsing regexp: ${(error as Error).message}`)
  }
}
