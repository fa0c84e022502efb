import { z } from 'zod'
import { invariant } from '../node/base/assert.ts'
import type { Environment, Traffic } from '../harness/environments/environment.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import { fromEffect, lacking, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { linkSchema, linkText, parseLink, trafficNames, trafficsToDraw, unservedTraffics } from './links.ts'
import { chooseMembers, needsLeader } from './member-targets.ts'
import type { NemesisContext } from './nemesis.ts'
import { cutOff, partitionShapes, type CutPlan } from './targets.ts'

/** Links between members that are cut, or members that are cut off from clients. */
interface PartitionFault extends Targeted {
  /** `n1>n2`; empty where it is clients that are cut off. */
  readonly links: readonly string[]
  readonly traffic: Traffic | 'clients'
}

/**
 * Cuts links between members, all that is said on them or one protocol only;
 * clients still reach every member, unless it is they who are cut off. The
 * environment proves each cut and its healing.
 */
export const partition = family<PartitionFault>({
  name: 'partition',
  about: 'cuts links between members, in shapes that --targets chooses from; --traffic: all, only Raft and RPC, only gossip, or clients from members',
  layer: (value) => value.traffic === 'clients' ? 'clients' : 'links',
  members: (value) => value.members,
  links: (value) => value.links,
  cuts: true,
  shapes: [...partitionShapes.map(({ name }) => name), 'links'],
  asked: z.strictObject({
    ...targetedShape,
    links: z.array(linkSchema).optional(),
    traffic: z.enum(trafficNames).optional(),
  }) as unknown as z.ZodType<Partial<PartitionFault>>,

  variants: ({ cutLinks, cutClients }) => [
    ...['halves', 'isolate-leader', 'one-way-out', 'one-way-in'].map((target) => ({ kind: target, asked: { target, traffic: 'all' }, missing: cutLinks === undefined ? 'links cannot be cut here' : null })),
    ...(['raft', 'gossip'] as const).map((traffic) => ({ kind: `${traffic} only`, asked: { target: 'isolate-one', traffic }, missing: lacking(traffic, cutLinks?.traffics) })),
    { kind: 'clients', asked: { target: 'one', traffic: 'clients' }, missing: cutClients === undefined ? 'clients cannot be cut off here' : null },
  ],

  missing(environment, plan) {
    const clients = plan.traffics.includes('clients') && environment.cutClients === undefined && !plan.nemesisAll
      ? 'this environment cannot cut clients off from members' : null
    if (clients !== null || plan.traffics.every((traffic) => traffic === 'clients')) return clients
    if (environment.members.length < 2) return 'one member alone has no links to cut'
    if (environment.cutLinks === undefined) return 'this environment cannot cut links between members'
    return unservedTraffics(plan, environment.cutLinks.traffics)
  },

  async draw(context, asked) {
    const { environment, plan, random } = context
    const traffic = asked.traffic ?? random.pick(traffics(environment, plan))
    if (asked.links !== undefined) {
      const touched = environment.members.filter((member) => asked.links!.some((link) => link.split('>').includes(member)))
      return { target: asked.target ?? 'links', members: asked.members ?? touched, links: asked.links, traffic }
    }
    const target = asked.target ?? (asked.members === undefined ? random.pick(shapesToDraw(plan)) : asked.members.join('+'))
    const { members, links } = asked.members === undefined ? await drawCut(target, context) : cutOff(environment.members, asked.members)
    return { target, members, links: traffic === 'clients' ? [] : links.map(linkText), traffic }
  },

  async start({ members, links, traffic }, { environment }) {
    if (traffic === 'clients') {
      const { cutClients } = environment
      invariant(cutClients !== undefined, () => `clients cut off in environment ${environment.kind}, which cannot do that`)
      return fromEffect(await cutClients.cutClients(members))
    }
    const { cutLinks } = environment
    invariant(cutLinks !== undefined, () => `partition in environment ${environment.kind}, which cannot cut links`)
    const parsed = links.map(parseLink)
    const cut = await (traffic === 'all' ? cutLinks.cut(parsed) : cutLinks.cut(parsed, traffic))
    return {
      observed: { proven: `no probe passes ${links.length} cut links` },
      async stop() {
        await cut.heal()
        return { proven: `probes pass ${links.length} healed links` }
      },
    }
  },
})

/** A shape, or members that are cut off from all others. */
async function drawCut(target: string, { environment: { members }, random, leader }: NemesisContext): Promise<CutPlan> {
  const shape = partitionShapes.find((candidate) => candidate.name === target)
  // Asked only where it matters: asking is load on the system too.
  const leads = target === 'isolate-leader' || needsLeader(target) ? await leader() : null
  return shape === undefined ? cutOff(members, chooseMembers(target, members, random, leads)) : shape.links(members, random, leads)
}

function traffics(environment: Environment, plan: RunPlan): readonly PartitionFault['traffic'][] {
  const served: PartitionFault['traffic'][] = []
  if (plan.traffics.some((traffic) => traffic !== 'clients') && environment.cutLinks !== undefined) served.push(...trafficsToDraw(plan, environment.cutLinks.traffics))
  if (plan.traffics.includes('clients') && environment.cutClients !== undefined) served.push('clients')
  return served
}

const shapesToDraw = (plan: RunPlan) => plan.partitionTargets.length > 0 ? plan.partitionTargets : ['isolate-one']
