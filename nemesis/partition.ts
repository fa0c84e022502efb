import { invariant } from '../node/base/assert.ts'
import type { Link } from '../harness/environments/environment.ts'
import type { Nemesis } from './nemesis.ts'
import { partitionShapes } from './targets.ts'

/** Cuts links between members; clients still reach every member. The environment proves each cut and its healing. */
export const partition: Nemesis = {
  name: 'partition',
  about: 'cuts links between members, in shapes that --targets chooses from',

  missing(environment, plan) {
    if (environment.members.length < 2) return 'one member alone has no links to cut'
    if (plan.partitionTargets.length === 0) return 'there is no shape of partition to draw from'
    return environment.cutLinks === undefined ? 'this environment cannot cut links between members' : null
  },

  async next({ environment, plan, random, leader }) {
    const cutLinks = environment.cutLinks
    invariant(cutLinks !== undefined, () => `partition in environment ${environment.kind}, which cannot cut links`)
    const name = random.pick(plan.partitionTargets)
    const shape = partitionShapes.find((candidate) => candidate.name === name)
    invariant(shape !== undefined, () => `no shape of partition is called ${name}`)
    // Asked only where it matters: asking is load on the system too.
    const { members, links } = shape.links(environment.members, random, name === 'isolate-leader' ? await leader() : null)
    return {
      name: 'partition',
      value: { target: name, members, links: links.map(linkText) },
      async start() {
        const cut = await cutLinks.cut(links)
        return {
          observed: { proven: `no probe passes ${links.length} cut links` },
          async stop() {
            await cut.heal()
            return { proven: `probes pass ${links.length} healed links` }
          },
        }
      },
    }
  },
}

const linkText = ({ from, to }: Link) => `${from}>${to}`
