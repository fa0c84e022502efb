import { z } from 'zod'
import type { CommandSpec } from '../command.ts'

const self = z.object({ Stats: z.record(z.string(), z.record(z.string(), z.string())) })

/** `splitbrain info`: the agent's own figures, in sections, sorted. */
export const info: CommandSpec = {
  name: 'info', summary: 'print figures of the agent', asks: 'agent', failing: 'Error querying agent',
  async run({ client, terminal }) {
    const { Stats } = await client.get('/v1/agent/self', self)
    for (const section of Object.keys(Stats).sort()) {
      terminal.print(`${section}:`)
      const values = Stats[section]!
      for (const key of Object.keys(values).sort()) terminal.print(`\t${key} = ${values[key]}`)
    }
    return 0
  },
}
