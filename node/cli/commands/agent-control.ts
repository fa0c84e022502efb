import { randomBytes } from 'node:crypto'
import { AgentError, escapePath } from '../agent-client.ts'
import { textOf, type CommandSpec } from '../command.ts'
import { CommandFailure } from '../terminal.ts'

/** What one agent is told to do about itself and its cluster. */

export const join: CommandSpec = {
  name: 'join', summary: 'tell the agent to join others', operands: 'ADDRESS...', asks: 'agent',
  flags: [['-wan', 'join servers of another data centre']],
  async run({ flags, args, client, terminal }) {
    if (args.length === 0) throw new CommandFailure('At least one address to join must be specified.\nSee splitbrain join -help.')
    let joined = 0
    for (const address of args) {
      try {
        await client.succeed('PUT', `/v1/agent/join/${escapePath(address)}`, { query: { wan: flags['wan'] === true ? '1' : undefined } })
        joined++
      } catch (error) {
        if (!(error instanceof AgentError)) throw error
        terminal.error(`Error joining address '${address}': ${error.message}`)
      }
    }
    if (joined === 0) throw new CommandFailure('Failed to join any nodes.')
    terminal.print(`Successfully joined cluster by contacting ${joined} nodes.`)
    return 0
  },
}

export const leave: CommandSpec = {
  name: 'leave', summary: 'tell the agent to leave its cluster in good order, and to end', asks: 'agent', failing: 'Error leaving',
  async run({ args, client, terminal }) {
    if (args.length > 0) throw new CommandFailure(`Error found unexpected args: [${args.join(' ')}]\nSee splitbrain leave -help.`)
    await client.succeed('PUT', '/v1/agent/leave')
    terminal.print('Graceful leave complete')
    return 0
  },
}

export const forceLeave: CommandSpec = {
  name: 'force-leave', summary: 'take a failed member out of the cluster', operands: 'NAME', asks: 'agent', failing: 'Error force leaving',
  flags: [['-prune', 'forget it at once, also in the list of members']],
  async run({ flags, args, client }) {
    if (args.length !== 1) throw new CommandFailure('A single node name must be specified to force leave.\nSee splitbrain force-leave -help.')
    await client.succeed('PUT', `/v1/agent/force-leave/${escapePath(args[0]!)}`, { query: { prune: flags['prune'] === true ? '1' : undefined } })
    return 0
  },
}

export const reload: CommandSpec = {
  name: 'reload', summary: 'tell the agent to read its config files again', asks: 'agent', failing: 'Error reloading',
  async run({ client, terminal }) {
    await client.succeed('PUT', '/v1/agent/reload')
    terminal.print('Configuration reload triggered')
    return 0
  },
}

export const event: CommandSpec = {
  name: 'event', summary: 'send an event to all members', operands: '[PAYLOAD]', asks: 'servers', failing: 'Error firing event',
  flags: [
    ['-name <name>', 'of the event'],
    ['-node <regexp>', 'only for nodes whose name fits'],
    ['-service <regexp>', 'only for nodes with a service whose name fits'],
    ['-tag <regexp>', 'only for services with a tag that fits; needs -service'],
  ],
  async run({ flags, args, client, terminal }) {
    const name = textOf(flags, 'name')
    if (name === undefined) throw new CommandFailure('Event name must be specified\nSee splitbrain event -help.')
    if (args.length > 1) throw new CommandFailure('Too many command line arguments.\nSee splitbrain event -help.')
    // Whether an expression is one, the agent says: its language is RE2, not JavaScript's.
    const [node, service, tag] = [textOf(flags, 'node'), textOf(flags, 'service'), textOf(flags, 'tag')]
    if (tag !== undefined && service === undefined) throw new CommandFailure('Cannot provide tag filter without service filter.')
    const answer = await client.succeed('PUT', `/v1/event/fire/${escapePath(name)}`, { query: { node, service, tag }, ...args[0] === undefined ? {} : { body: args[0] } })
    terminal.print(`Event ID: ${(JSON.parse(answer.body.toString()) as { ID: string }).ID}`)
    return 0
  },
}

export const keygen: CommandSpec = {
  name: 'keygen', summary: 'draw a key for -encrypt', asks: 'nobody',
  async run({ terminal }) {
    terminal.print(randomBytes(32).toString('base64'))
    return 0
  },
}
