import { z } from 'zod'
import { escapePath } from '../agent-client.ts'
import { textOf, type CommandSpec, type Invocation } from '../command.ts'
import { CommandFailure } from '../terminal.ts'

const checks = z.record(z.string(), z.object({ Node: z.string(), CheckID: z.string(), Notes: z.string(), ServiceID: z.string() }))

/** `splitbrain maint`: takes the agent's node, or one of its services, out of what clients find. */
export const maint: CommandSpec = {
  name: 'maint', summary: 'take a node or a service out of service, and put it back', asks: 'agent',
  flags: [
    ['-disable', 'put it back'],
    ['-enable', 'take it out'],
    ['-reason <text>', 'kept with it'],
    ['-service <id>', 'this service, not the whole node'],
  ],
  async run(invocation) {
    const { flags, client, terminal } = invocation
    const [enable, disable] = [flags['enable'] === true, flags['disable'] === true]
    const [reason, service] = [textOf(flags, 'reason'), textOf(flags, 'service')]
    if (enable && disable) throw new CommandFailure('Only one of -enable or -disable may be provided')
    if (!enable && reason !== undefined) throw new CommandFailure('Reason may only be provided with -enable')
    if (!enable && !disable) {
      if (service !== undefined) throw new CommandFailure('Service requires either -enable or -disable')
      return await show(invocation)
    }
    const path = service === undefined ? '/v1/agent/maintenance' : `/v1/agent/service/maintenance/${escapePath(service)}`
    await client.succeed('PUT', path, { query: { enable: String(enable), reason } }).catch((error: unknown) => {
      throw new CommandFailure(`Error ${enable ? 'enabling' : 'disabling'} ${service === undefined ? 'node' : 'service'} maintenance: ${(error as Error).message}`)
    })
    const state = `maintenance is now ${enable ? 'enabled' : 'disabled'}`
    terminal.print(service === undefined ? `Node ${state}` : `Service ${state} for ${JSON.stringify(service)}`)
    return 0
  },
}

/** What is out of service now: the checks that say so. */
async function show({ client, terminal }: Invocation): Promise<number> {
  for (const check of Object.values(await client.get('/v1/agent/checks', checks))) {
    if (check.CheckID === '_node_maintenance') terminal.print(`Node:\n  Name:   ${check.Node}\n  Reason: ${check.Notes}\n`)
    else if (check.CheckID.startsWith('_service_maintenance:')) terminal.print(`Service:\n  ID:     ${check.ServiceID}\n  Reason: ${check.Notes}\n`)
  }
  return 0
}
