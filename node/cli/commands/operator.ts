import { z } from 'zod'
import { autopilot } from './autopilot.ts'
import { columns } from '../columns.ts'
import { textOf, type CommandGroup } from '../command.ts'
import { CommandFailure } from '../terminal.ts'

const configuration = z.object({
  Servers: z.array(z.object({ ID: z.string(), Node: z.string(), Address: z.string(), Leader: z.boolean(), ProtocolVersion: z.string(), Voter: z.boolean() })).nullable(),
})

/** `splitbrain operator`, as Consul's. */
export const operator: CommandGroup = {
  name: 'operator',
  summary: 'look after the servers\' consensus',
  commands: [autopilot, {
    name: 'raft',
    summary: 'list and remove servers of the Raft configuration',
    commands: [
      {
        name: 'list-peers', summary: 'list the servers of the Raft configuration', asks: 'servers', failing: 'Error getting peers: Failed to retrieve raft configuration',
        async run({ client, terminal }) {
          const { Servers } = await client.get('/v1/operator/raft/configuration', configuration)
          terminal.print(columns([
            ['Node', 'ID', 'Address', 'State', 'Voter', 'RaftProtocol'],
            ...(Servers ?? []).map((server) => [server.Node, server.ID, server.Address, server.Leader ? 'leader' : 'follower', String(server.Voter), server.ProtocolVersion || '<=1']),
          ]))
          return 0
        },
      },
      {
        name: 'remove-peer', summary: 'remove a server that is gone from the Raft configuration', asks: 'servers', failing: 'Error removing peer',
        flags: [['-address <host:port>', 'of the server to remove'], ['-id <id>', 'of the server to remove']],
        async run({ flags, client, terminal }) {
          const [address, id] = [textOf(flags, 'address'), textOf(flags, 'id')]
          if (address === undefined && id === undefined) throw new CommandFailure('Error removing peer: an address or id is required for the peer to remove')
          if (address !== undefined && id !== undefined) throw new CommandFailure('Error removing peer: cannot give both an address and id')
          await client.succeed('DELETE', '/v1/operator/raft/peer', { query: { address, id } })
          terminal.print(`Removed peer with ${address !== undefined ? `address ${JSON.stringify(address)}` : `id ${JSON.stringify(id)}`}`)
          return 0
        },
      },
    ],
  }],
}
