import { unexpectedStatus } from '../agent-client.ts'
import { textOf, type CommandSpec } from '../command.ts'
import { CommandFailure } from '../terminal.ts'

/** `splitbrain monitor`: the agent's log as it comes, until Ctrl-C. */
export const monitor: CommandSpec = {
  name: 'monitor', summary: 'print the agent\'s log as it comes', asks: 'agent', failing: 'Error starting monitor',
  flags: [['-log-level <level>', 'trace, debug, info, warn or err (default: info)'], ['-log-json', 'one JSON object a line']],
  async run({ flags, client, terminal }) {
    const { status, body } = await client.stream('GET', '/v1/agent/monitor', {
      query: { loglevel: textOf(flags, 'logLevel') ?? 'INFO', logjson: flags['logJson'] === true ? 'true' : undefined },
    })
    if (status !== 200) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      throw unexpectedStatus({ status, body: Buffer.concat(chunks) })
    }
    try {
      for await (const chunk of body) terminal.write(chunk)
    } catch (error) {
      throw new CommandFailure(`Remote side ended the monitor: ${(error as Error).message}`)
    }
    throw new CommandFailure('Remote side ended the monitor! It has ended, or crashed.')
  },
}
