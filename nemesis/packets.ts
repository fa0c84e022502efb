import { z } from 'zod'
import { invariant, unreachable } from '../node/base/assert.ts'
import type { Disturbance, DisturbLinks, Environment, Link, Traffic } from '../harness/environments/environment.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import { drawMagnitude, drawTargets, fromEffect, lacking, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'
import { linkSchema, linkText, parseLink, trafficNames, trafficsToDraw, unservedTraffics } from './links.ts'
import type { Nemesis, NemesisContext } from './nemesis.ts'

/** What a packet fault does, and to which links. */
interface PacketFault extends Targeted {
  /** `n1>n2`, as in faults.jsonl; all that go out of the members, come in to them, or both. Empty where it is what clients ask them. */
  readonly links: readonly string[]
  readonly traffic: Traffic | 'clients'
  readonly disturbance: Disturbance
}

const probability = z.number().gt(0).max(1)

const disturbanceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('loss'), probability, burstLength: z.number().min(1).max(1000) }),
  z.strictObject({ kind: z.literal('delay'), delayMs: z.number().min(0).max(60_000), jitterMs: z.number().min(0).max(60_000), distribution: z.enum(['uniform', 'normal', 'pareto']) }),
  z.strictObject({ kind: z.literal('duplicate'), probability }),
  z.strictObject({ kind: z.literal('reorder'), probability, gapMs: z.number().gt(0).max(60_000) }),
  z.strictObject({ kind: z.literal('corrupt'), probability }),
  z.strictObject({ kind: z.literal('bandwidth'), kbitPerS: z.number().gt(0) }),
  z.strictObject({ kind: z.literal('mtu'), maxBytes: z.int().min(100).max(65_535) }),
])

const about: Readonly<Record<Disturbance['kind'], string>> = {
  loss: 'loses packets on links, one by one or in bursts',
  delay: 'delays what goes over links, with jitter: uniform, normal or with a long tail',
  duplicate: 'delivers some packets twice',
  reorder: 'holds some packets back, so that later ones pass them',
  corrupt: 'flips a bit in some packets; what a checksum catches is lost instead',
  bandwidth: 'lets through only so many bits per second',
  mtu: 'lets handshakes pass and loses without a word whatever is larger (a black-holed MTU)',
}

/** One of each kind, middling. */
const examples: Readonly<Record<Disturbance['kind'], readonly { readonly name: string, readonly disturbance: Disturbance }[]>> = {
  loss: [
    { name: 'each on its own', disturbance: { kind: 'loss', probability: 0.3, burstLength: 1 } },
    { name: 'in bursts', disturbance: { kind: 'loss', probability: 0.3, burstLength: 5 } },
  ],
  delay: (['uniform', 'normal', 'pareto'] as const).map((distribution) => ({ name: distribution, disturbance: { kind: 'delay', delayMs: 100, jitterMs: 30, distribution } })),
  duplicate: [{ name: 'all traffic', disturbance: { kind: 'duplicate', probability: 0.3 } }],
  reorder: [{ name: 'all traffic', disturbance: { kind: 'reorder', probability: 0.3, gapMs: 50 } }],
  corrupt: [{ name: 'all traffic', disturbance: { kind: 'corrupt', probability: 0.2 } }],
  bandwidth: [{ name: 'all traffic', disturbance: { kind: 'bandwidth', kbitPerS: 1000 } }],
  mtu: [{ name: 'all traffic', disturbance: { kind: 'mtu', maxBytes: 800 } }],
}

/** `loss`, `delay`, …: each a family of its own, so that `--nemesis partition,loss` works. */
export const packetFamilies: readonly Nemesis[] = (Object.keys(about) as Disturbance['kind'][]).map((kind) => family<PacketFault>({
  name: kind,
  about: about[kind],
  layer: ({ traffic }) => traffic === 'clients' ? 'clients' : 'links',
  missing: (environment, plan) => missing(kind, environment, plan),
  members: (value) => value.members,
  links: (value) => value.links,
  variants: ({ disturbLinks }) => [
    ...examples[kind].map(({ name, disturbance }) => ({ kind: name, asked: { target: 'one', traffic: 'all', disturbance }, missing: lacking(kind, disturbLinks?.kinds) })),
    ...(['raft', 'gossip'] as const).map((traffic) => ({
      kind: `${traffic} only`, asked: { target: 'one', traffic, disturbance: examples[kind][0]!.disturbance },
      missing: lacking(kind, disturbLinks?.kinds) ?? lacking(traffic, disturbLinks?.traffics) ?? hidden(kind, traffic, disturbLinks),
    })),
    { kind: 'clients', asked: { target: 'one', traffic: 'clients', disturbance: examples[kind][0]!.disturbance }, missing: lacking(kind, disturbLinks?.kinds) ?? noClients(kind, disturbLinks) },
  ],
  asked: z.strictObject({
    ...targetedShape,
    /** Empty where it is what clients ask. */
    links: z.array(linkSchema).optional(),
    traffic: z.enum(trafficNames).optional(),
    disturbance: disturbanceSchema.refine((disturbance) => disturbance.kind === kind, `its kind must be ${kind}`).optional(),
  }) as unknown as z.ZodType<Partial<PacketFault>>,
  async draw(context, asked) {
    const { environment, plan, random } = context
    const targeted = asked.links !== undefined && asked.links.length > 0 && asked.members === undefined && asked.target === undefined
      ? { target: 'links', members: environment.members.filter((member) => asked.links!.some((link) => link.split('>').includes(member))) }
      : await drawTargets(context, asked, ['one', 'leader', 'minority', 'random', 'all'])
    const links = asked.links ?? drawLinks(context, targeted.members).map(linkText)
    const traffic = asked.traffic ?? (asked.links === undefined ? random.pick(traffics(kind, environment.disturbLinks!, plan)) : 'all')
    return {
      ...targeted,
      links: traffic === 'clients' ? [] : links,
      traffic,
      disturbance: asked.disturbance ?? drawDisturbance(kind, context),
    }
  },
  async start({ members, links, traffic, disturbance }, { environment }) {
    const { disturbLinks } = environment
    invariant(disturbLinks !== undefined, () => `${kind} in environment ${environment.kind}, which cannot disturb links`)
    if (traffic !== 'clients') return fromEffect(await disturbLinks.disturb(links.map(parseLink), disturbance, traffic))
    if (disturbLinks.disturbClients === undefined) throw new Error(noClients(kind, disturbLinks)!)
    return fromEffect(await disturbLinks.disturbClients(members, disturbance))
  },
}))

function missing(kind: Disturbance['kind'], { members, disturbLinks, kind: environment }: Environment, plan: RunPlan): string | null {
  if (members.length < 2) return 'one member alone has no links'
  if (disturbLinks === undefined) return `environment ${environment} cannot touch what is sent over links`
  if (!disturbLinks.kinds.includes(kind)) return `environment ${environment} cannot do this to links here; it can do ${disturbLinks.kinds.join(', ') || 'nothing'}`
  if (plan.nemesisAll) return null
  const refusal = { clients: noClients(kind, disturbLinks), raft: hidden(kind, 'raft', disturbLinks), gossip: null, all: null }
  const refusals = plan.traffics.map((traffic) => refusal[traffic])
  return unservedTraffics(plan, disturbLinks.traffics) ?? (refusals.includes(null) ? null : refusals[0] ?? null)
}

/** What a drawn fault may strike: never empty where `missing` found nothing. */
function traffics(kind: Disturbance['kind'], disturbLinks: DisturbLinks, plan: RunPlan): readonly PacketFault['traffic'][] {
  const clients = plan.traffics.includes('clients') && noClients(kind, disturbLinks) === null ? ['clients' as const] : []
  if (clients.length > 0 && plan.traffics.length === 1) return clients
  return [...trafficsToDraw(plan, seenIn(kind, disturbLinks)), ...clients]
}

/** Why it cannot be done to what clients ask members; or null. */
function noClients(kind: Disturbance['kind'], disturbLinks: DisturbLinks | undefined): string | null {
  if (disturbLinks?.disturbClients === undefined) return 'what clients ask members cannot be disturbed here, only cut off or met by firewall rules'
  return disturbLinks.datagramKinds?.includes(kind) === true ? `${kind} does not show in what clients ask: that is TCP, which puts it right before anybody here could touch it` : null
}

/** Of the traffics that can be told apart, those in which something of this kind shows. */
function seenIn(kind: Disturbance['kind'], { traffics, datagramKinds }: DisturbLinks): readonly Traffic[] {
  return datagramKinds?.includes(kind) === true ? traffics.filter((traffic) => traffic !== 'raft') : traffics
}

/** The sentence where nobody would notice; or null. */
function hidden(kind: Disturbance['kind'], traffic: Traffic, disturbLinks: DisturbLinks | undefined): string | null {
  return disturbLinks === undefined || seenIn(kind, disturbLinks).includes(traffic) ? null
    : `${kind} does not show in ${traffic}: that is TCP, which puts it right before anybody here could touch it`
}

/** What the members say, what they hear, both, or one link alone. */
function drawLinks({ environment: { members }, random, running }: NemesisContext, struck: readonly string[]): readonly Link[] {
  const busy = new Set(running().flatMap(({ links }) => links ?? []))
  const every = members.flatMap((from) => members.flatMap((to) => from === to ? [] : [{ from, to }]))
  // What is broken already could not be measured; if all of it is, the fault is not begun.
  const free = every.filter((link) => !busy.has(linkText(link)) && (struck.includes(link.from) || struck.includes(link.to)))
  const all = free.length > 0 ? free : every
  const out = all.filter(({ from }) => struck.includes(from))
  const incoming = all.filter(({ to }) => struck.includes(to))
  switch (random.pick(['out', 'in', 'both', 'both', 'single'] as const)) {
    case 'out': return out.length > 0 ? out : incoming
    case 'in': return incoming.length > 0 ? incoming : out
    case 'both': return all.filter(({ from, to }) => struck.includes(from) || struck.includes(to))
    case 'single': return [random.pick(out.length > 0 ? out : incoming)]
  }
}

function drawDisturbance(kind: Disturbance['kind'], context: NemesisContext): Disturbance {
  const { random } = context
  switch (kind) {
    case 'loss': return { kind, probability: drawMagnitude(context, 0.05, 0.5), burstLength: random.chance(0.5) ? 1 : random.between(2, 9) }
    case 'delay': {
      const delayMs = drawMagnitude(context, 10, 1000)
      return { kind, delayMs, jitterMs: Number((delayMs * random.fraction()).toPrecision(3)), distribution: random.pick(['uniform', 'normal', 'pareto'] as const) }
    }
    case 'duplicate': return { kind, probability: drawMagnitude(context, 0.05, 0.5) }
    case 'reorder': return { kind, probability: drawMagnitude(context, 0.05, 0.5), gapMs: drawMagnitude(context, 5, 200) }
    case 'corrupt': return { kind, probability: drawMagnitude(context, 0.01, 0.2) }
    // Harder is slower.
    case 'bandwidth': return { kind, kbitPerS: drawMagnitude(context, 4000, 128) }
    case 'mtu': return { kind, maxBytes: Math.round(drawMagnitude(context, 1200, 400)) }
    default: return unreachable(kind)
  }
}
