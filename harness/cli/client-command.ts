import { become } from './agent-command.ts'

/**
 * Commands that speak to a running agent, by name, each with what help says of
 * it. The commands themselves are the member's (`node/cli/`), of which the
 * harness imports nothing; a test compares this list with theirs.
 */
export const clientCommands: Readonly<Record<string, string>> = {
  kv: 'read and write the key-value store',
}

export function isClientCommand(name: string | undefined): boolean {
  return name !== undefined && Object.hasOwn(clientCommands, name)
}

export function runClientCommand(args: readonly string[]): Promise<number> {
  return become('client-main', args)
}
