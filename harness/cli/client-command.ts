import { become } from './agent-command.ts'

/**
 * Commands that speak to a running agent, by name, each with what help says of
 * it. The commands themselves are the member's (`node/cli/`), of which the
 * harness imports nothing; a test compares this list with theirs.
 */
export const clientCommands: Readonly<Record<string, string>> = {
  catalog: 'list data centres, nodes and services',
  event: 'send an event to all members',
  'force-leave': 'take a failed member out of the cluster',
  info: 'print figures of the agent',
  join: 'tell the agent to join others',
  keygen: 'draw a key for -encrypt',
  kv: 'read and write the key-value store',
  leave: 'tell the agent to leave its cluster in good order, and to end',
  lock: 'run a program while holding a lock',
  maint: 'take a node or a service out of service, and put it back',
  members: 'list the members that the agent knows',
  monitor: 'print the agent\'s log as it comes',
  operator: 'look after the servers\' consensus',
  reload: 'tell the agent to read its config files again',
  services: 'register and deregister services of the agent',
  snapshot: 'save, restore and inspect the servers\' state',
}

export function isClientCommand(name: string | undefined): boolean {
  return name !== undefined && Object.hasOwn(clientCommands, name)
}

export function runClientCommand(args: readonly string[]): Promise<number> {
  return become('client-main', args)
}
