import type { FirewallRule } from '../harness/environments/environment.ts'

/** How rules are written, for sentences that refuse one. */
export const ruleForm = 'ACTION [tcp|udp|any] FROM>TO[:PORT], where ACTION is drop, reject, reset, limit N/s or mtu BYTES, FROM a member, clients or any, and TO a member or any'

export class FirewallRuleError extends Error {
  override readonly name = 'FirewallRuleError'
}

/**
 * Rules in the form that users write, with `;` between them:
 * `drop tcp n1>n2:8300; reset any clients>n3; limit 10/s udp any>n1:8301; mtu 1000 n1>n2`.
 * @throws FirewallRuleError with a sentence that quotes the rule
 */
export function parseFirewallRules(text: string): FirewallRule[] {
  const rules = text.split(';').map((rule) => rule.trim()).filter((rule) => rule !== '')
  if (rules.length === 0) throw new FirewallRuleError(`There is no rule in "${text}"; one is ${ruleForm}.`)
  return rules.map(parseRule)
}

/** Why these rules make no sense in a cluster of these members, or null. */
export function rulesObjection(rules: readonly FirewallRule[], members: readonly string[]): string | null {
  for (const rule of rules) {
    const strangers = [rule.from, rule.to].filter((name) => name !== 'any' && name !== 'clients' && !members.includes(name))
    if (strangers.length > 0) return `"${formatFirewallRule(rule)}": there is no member ${strangers.join(', ')}; there are ${members.join(', ')}`
  }
  return null
}

/** The rule as a user would write it; `parseFirewallRules` reads it back. */
export function formatFirewallRule({ action, protocol, from, to, port }: FirewallRule): string {
  const words = action.kind === 'limit' ? `limit ${action.packetsPerS}/s` : action.kind === 'mtu' ? `mtu ${action.maxBytes}` : action.kind
  return `${words} ${protocol} ${from}>${to}${port === null ? '' : `:${port}`}`
}

function parseRule(rule: string): FirewallRule {
  const refuse = (why: string): never => {
    throw new FirewallRuleError(`"${rule}": ${why}. A rule is ${ruleForm}.`)
  }
  const words = rule.split(/\s+/)
  const action = parseAction(words, refuse)
  const protocol = words.length > 1 ? words.shift()! : 'any'
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'any') return refuse(`"${protocol}" is no protocol`)
  if (words.length !== 1) return refuse(words.length === 0 ? 'it does not say from where to where' : `"${words.slice(1).join(' ')}" is too much`)
  const direction = /^([^>:\s]+)>([^>:\s]+)(?::(\d+))?$/.exec(words[0]!)
  if (direction === null) return refuse(`"${words[0]}" does not say from where to where`)
  const [, from, to, portText] = direction
  const port = portText === undefined ? null : Number(portText)
  if (port !== null && (port < 1 || port > 65_535)) return refuse(`there is no port ${port}`)
  if (to === 'clients') return refuse('clients are only where something comes from; answers go with the question')
  if (from === to && from !== 'any') return refuse('what a member says to itself does not pass the network')
  if (action.kind === 'reset' && protocol === 'udp') return refuse('UDP has no connections to reset')
  return { from: from!, to: to!, protocol, port, action }
}

function parseAction(words: string[], refuse: (why: string) => never): FirewallRule['action'] {
  const kind = words.shift()
  switch (kind) {
    case 'drop':
    case 'reject':
    case 'reset': return { kind }
    case 'limit': {
      const rate = /^(\d+(?:\.\d+)?)\/s$/.exec(words.shift() ?? '')
      if (rate === null || Number(rate[1]) <= 0) return refuse('limit needs a rate, as 10/s')
      return { kind, packetsPerS: Number(rate[1]) }
    }
    case 'mtu': {
      const bytes = /^\d+$/.exec(words.shift() ?? '')
      if (bytes === null || Number(bytes[0]) < 68 || Number(bytes[0]) > 65_535) return refuse('mtu needs a number of bytes, 68 to 65535')
      return { kind, maxBytes: Number(bytes[0]) }
    }
    default: return refuse(`"${kind}" is no action`)
  }
}
