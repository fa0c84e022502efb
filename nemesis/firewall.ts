import { z } from 'zod'
import { invariant, unreachable } from '../node/base/assert.ts'
import type { FirewallRule } from '../harness/environments/environment.ts'
import { drawMagnitude, drawTargets, fromEffect } from './drawing.ts'
import { family } from './family.ts'
import { FirewallRuleError, formatFirewallRule, parseFirewallRules, rulesObjection } from './firewall-rule.ts'
import type { NemesisContext } from './nemesis.ts'

interface FirewallFault {
  /** Whom the rules name. */
  readonly members: readonly string[]
  /** As a user writes them. */
  readonly rules: readonly string[]
}

/** The user's own rules (`--firewall`), again and again; without any, rules drawn from the seed. */
const drawn = family<FirewallFault>({
  name: 'firewall',
  about: 'rules by source, destination, protocol and port: those of --firewall, or drawn ones',
  // Rules about clients keep the probes of other faults from a member; all others touch links only.
  layer: ({ rules }) => parseAll(rules).every(({ from }) => isMember(from)) ? 'links' : 'clients',
  members: (value) => value.members,
  links: ({ members, rules }) => parseAll(rules).flatMap(({ from, to }) => (from === 'any' ? members : [from]).flatMap((source) =>
    (to === 'any' ? members : [to]).flatMap((target) => source === target ? [] : [`${source}>${target}`]))),
  variants: ({ members: [first, second] }) => ['drop tcp', 'reject tcp', 'reset tcp', 'limit 10/s udp', 'mtu 800 any'].map((start) =>
    ({ kind: start.split(' ')[0]!, asked: { rules: [`${start} ${first}>${second}`] }, missing: null })),
  asked: z.strictObject({ members: z.array(z.string()).optional(), rules: z.array(z.string().superRefine((rule, check) => {
    const why = ruleProblem(rule)
    if (why !== null) check.addIssue({ code: 'custom', message: why })
  })).min(1).optional() }) as unknown as z.ZodType<Partial<FirewallFault>>,

  missing({ firewall, kind, members }, plan) {
    if (firewall === undefined) return `environment ${kind} has no firewall`
    if (plan.firewall === null) return members.length < 2 ? 'one member alone has no links' : null
    return rulesObjection(parseFirewallRules(plan.firewall), members)
  },

  async draw(context, asked) {
    const { plan, environment: { members } } = context
    const rules = asked.rules !== undefined ? parseAll(asked.rules)
      : plan.firewall !== null ? parseFirewallRules(plan.firewall) : await drawRules(context)
    return { members: asked.members ?? touched(rules, members), rules: rules.map(formatFirewallRule) }
  },

  async start({ rules }, { environment }) {
    const { firewall } = environment
    invariant(firewall !== undefined, () => `firewall in environment ${environment.kind}, which has none`)
    return fromEffect(await firewall.apply(parseAll(rules)))
  },
})

/** With the members at hand, a script's rules are checked for strangers too. */
export const firewall: typeof drawn = {
  ...drawn,
  objection: (asked, members) => drawn.objection!(asked, members)
    ?? rulesObjection(parseAll((asked as Partial<FirewallFault>).rules ?? []), members),
}

const isMember = (name: string) => name !== 'any' && name !== 'clients'
const parseAll = (rules: readonly string[]) => rules.flatMap(parseFirewallRules)

function touched(rules: readonly FirewallRule[], members: readonly string[]): readonly string[] {
  const names = rules.flatMap(({ from, to }) => to === 'any' ? members : [from, to])
  return members.filter((member) => names.includes(member))
}

function ruleProblem(rule: string): string | null {
  try {
    parseFirewallRules(rule)
    return null
  } catch (error) {
    if (error instanceof FirewallRuleError) return error.message
    throw error
  }
}

/** One to three rules about one member and others, about Raft's, gossip's or any port. */
async function drawRules(context: NemesisContext): Promise<FirewallRule[]> {
  const { environment: { members, firewall }, random } = context
  const { raft, gossip } = firewall?.ports ?? { raft: 8300, gossip: 8301 }
  const { members: [struck] } = await drawTargets(context, {}, ['one', 'leader'])
  const rest = members.filter((member) => member !== struck)
  return Array.from({ length: random.between(1, 4) }, () => {
    const { port, protocol } = random.pick<Pick<FirewallRule, 'port' | 'protocol'>>([
      { port: null, protocol: 'any' }, { port: raft, protocol: 'tcp' },
      ...gossip === null ? [] : [{ port: gossip, protocol: 'udp' }, { port: gossip, protocol: 'any' }] as const,
    ])
    const other = random.pick(rest)
    const [from, to] = random.chance(0.5) ? [struck!, other] : [other, struck!]
    return { from, to, protocol, port, action: drawAction(protocol, context) }
  })
}

function drawAction(protocol: FirewallRule['protocol'], context: NemesisContext): FirewallRule['action'] {
  const kind = context.random.pick(protocol === 'udp' ? ['drop', 'reject', 'limit'] as const : ['drop', 'reject', 'reset', 'limit', 'mtu'] as const)
  switch (kind) {
    case 'drop':
    case 'reject':
    case 'reset': return { kind }
    case 'limit': return { kind, packetsPerS: Math.round(drawMagnitude(context, 100, 5)) }
    case 'mtu': return { kind, maxBytes: Math.round(drawMagnitude(context, 1200, 400)) }
    default: return unreachable(kind)
  }
}
