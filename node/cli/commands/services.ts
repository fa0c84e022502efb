import { escapePath } from '../agent-client.ts'
import { listOf, textOf, type CommandGroup, type Invocation } from '../command.ts'
import { CommandFailure } from '../terminal.ts'
import { keyValue } from './catalog.ts'
import { servicesInFile } from './service-file.ts'

/** `splitbrain services`: the services of the asked agent. */
export const services: CommandGroup = {
  name: 'services',
  summary: 'register and deregister services of the agent',
  commands: [
    {
      name: 'register', summary: 'register services', operands: '[FILE...]', asks: 'agent', run: register,
      flags: [
        ['-address <address>', 'of the service; default: its node\'s'],
        ['-id <id>', 'default: the name'],
        ['-kind <kind>', 'connect-proxy, mesh-gateway and others; default: an ordinary service'],
        ['-meta <key=value...>', 'metadata; may be repeated'],
        ['-name <name>', 'of the service'],
        ['-port <port>', 'of the service'],
        ['-tag <tag...>', 'may be repeated'],
        ['-tagged-address <name=host:port...>', 'another address by name; may be repeated'],
      ],
    },
    { name: 'deregister', summary: 'deregister services', operands: '[FILE...]', asks: 'agent', run: deregister, flags: [['-id <id>', 'of the service']] },
  ],
}

async function register({ flags, args, client, terminal }: Invocation): Promise<number> {
  const name = textOf(flags, 'name')
  if (args.length === 0 && name === undefined) throw new CommandFailure('Service registration requires at least one argument or flags.')
  if (args.length > 0 && (name !== undefined || textOf(flags, 'id') !== undefined)) throw new CommandFailure('Service registration requires arguments or -id, not both.')
  const definitions = args.length > 0 ? args.flatMap(servicesInFile) : [fromFlags(name!, flags)]
  for (const definition of definitions) {
    const its = String(definition['Name'] ?? '')
    await client.succeed('PUT', '/v1/agent/service/register', { body: JSON.stringify(definition) }).catch((error: unknown) => {
      throw new CommandFailure(`Error registering service ${JSON.stringify(its)}: ${(error as Error).message}`)
    })
    terminal.print(`Registered service: ${its}`)
  }
  return 0
}

async function deregister({ flags, args, client, terminal }: Invocation): Promise<number> {
  const id = textOf(flags, 'id')
  if (args.length === 0 && id === undefined) throw new CommandFailure('Service deregistration requires at least one argument or -id.')
  if (args.length > 0 && id !== undefined) throw new CommandFailure('Service deregistration requires arguments or -id, not both.')
  const ids = id !== undefined ? [id] : args.flatMap(servicesInFile).map((definition) => String(definition['ID'] ?? definition['Name'] ?? ''))
  for (const one of ids) {
    await client.succeed('PUT', `/v1/agent/service/deregister/${escapePath(one)}`).catch((error: unknown) => {
      throw new CommandFailure(`Error deregistering service ${JSON.stringify(one)}: ${(error as Error).message}`)
    })
    terminal.print(`Deregistered service: ${one}`)
  }
  return 0
}

function fromFlags(name: string, flags: Invocation['flags']): Readonly<Record<string, unknown>> {
  const port = textOf(flags, 'port')
  if (port !== undefined && !/^\d{1,5}$/.test(port)) throw new CommandFailure(`invalid value ${JSON.stringify(port)} for flag -port: parse error`)
  const addresses = listOf(flags, 'taggedAddress').map((text) => {
    const [tag, address] = keyValue(text, 'tagged-address')
    const [, host, its] = /^(.*):(\d+)$/.exec(address) ?? []
    return [tag, host === undefined ? { Address: address } : { Address: host.replace(/^\[(.*)\]$/, '$1'), Port: Number(its) }] as const
  })
  const definition = {
    Kind: textOf(flags, 'kind'), ID: textOf(flags, 'id'), Name: name, Address: textOf(flags, 'address'), Port: port === undefined ? undefined : Number(port),
    Tags: listOf(flags, 'tag'), Meta: Object.fromEntries(listOf(flags, 'meta').map((text) => keyValue(text, 'meta'))), TaggedAddresses: Object.fromEntries(addresses),
  }
  return Object.fromEntries(Object.entries(definition).filter(([, value]) => value !== undefined))
}
