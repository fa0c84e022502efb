import type { FirewallRule } from '../environment.ts'
import { countersScript, restore, rulesChain, variantScript } from './firewall.ts'

/**
 * Rules that users write, as chains at the receiver: one for each call, and
 * below it one for each rule, whose last lines are the rule's action. Text only;
 * `member-firewall.ts` sends it. What comes over loopback is left alone: Docker's DNS does.
 */

/** What makes the text for one receiver. */
export interface ReceiverRules {
  readonly number: number
  /** Only those that concern this receiver; by their place in the call. */
  readonly rules: readonly { readonly index: number, readonly rule: FirewallRule }[]
  readonly addressOf: (member: string) => string
  /** Of all members: who is none of them is a client. */
  readonly memberAddresses: readonly string[]
}

export function ruleChain(number: number, index?: number): string {
  return `${rulesChain}-${number}${index === undefined ? '' : `-${index}`}`
}

/** Makes the chains of one call. Prints the counters. */
export function applyScript({ number, rules, addressOf, memberAddresses }: ReceiverRules): string {
  const main = ruleChain(number)
  return `${restore('filter',
    `:${main} - [0:0]`,
    ...rules.map(({ index }) => `:${ruleChain(number, index)} - [0:0]`),
    ...rules.flatMap(({ index, rule }) => {
      const chain = ruleChain(number, index)
      return [
        ...conditions(rule).map((condition) => `-A ${main} ! -i lo ${condition}-j ${chain}`),
        ...sourceLines(rule, chain, addressOf, memberAddresses),
        ...actions(rule, chain).map((action) => `-A ${chain} ${action}`),
      ]
    }),
    // In front of older ones, so that its own rules see what proves them.
    `-I ${rulesChain} 1 -j ${main}`)} && ${countersScript}`
}

/** Removes what `applyScript` made, if it is there. Prints what is left. */
export function removeScript(number: number, indexes: readonly number[]): string {
  const all = [ruleChain(number), ...indexes.map((index) => ruleChain(number, index))]
  return `${variantScript()}
if $ipt -w 5 -n -L ${all[0]} >/dev/null 2>&1; then ${restore('filter', `-D ${rulesChain} -j ${all[0]}`, ...all.map((chain) => `-F ${chain}`), ...all.map((chain) => `-X ${chain}`))}; fi && ${countersScript}`
}

/** Packets that met a rule's action, from `iptables-save -c`; null where there is no such rule. */
export function actionCount(saved: string, number: number, index: number): number | null {
  const chain = ruleChain(number, index)
  // The lines before the action let those pass who are not meant.
  const lines = saved.split('\n').filter((line) => line.includes(`-A ${chain} `) && !line.includes('-j RETURN'))
  return lines.length === 0 ? null : lines.reduce((sum, line) => sum + Number(/^\[(\d+):\d+\]/.exec(line)?.[1] ?? 0), 0)
}

/** Whether anything of a call's rules is left. */
export function hasRules(saved: string, number: number): boolean {
  return new RegExp(`\\b${ruleChain(number)}\\b`).test(saved)
}

/** Of protocol and port; `-p` stands before its `--dport`. */
function conditions({ protocol, port, action }: FirewallRule): string[] {
  // Only TCP can be reset; a port belongs to a protocol.
  const protocols = action.kind === 'reset' ? ['tcp'] : protocol === 'any' ? port === null ? [null] : ['tcp', 'udp'] : [protocol]
  return protocols.map((name) => name === null ? '' : `-p ${name} ${port === null ? '' : `--dport ${port} `}`)
}

/** Lets those pass the chain whom the rule does not mean. */
function sourceLines({ from }: FirewallRule, chain: string, addressOf: (member: string) => string, memberAddresses: readonly string[]): string[] {
  if (from === 'any') return []
  if (from === 'clients') return memberAddresses.map((address) => `-A ${chain} -s ${address} -j RETURN`)
  return [`-A ${chain} ! -s ${addressOf(from)} -j RETURN`]
}

/** The first that fits a packet is done with it. */
function actions({ action, protocol }: FirewallRule, chain: string): string[] {
  switch (action.kind) {
    case 'drop': return ['-j DROP']
    // The kernel says by ICMP that it rejects only about once a second to each
    // sender: who connects while something else is rejected would wait in vain.
    case 'reject': return [...protocol === 'udp' ? [] : ['-p tcp --syn -j REJECT --reject-with tcp-reset'], '-j REJECT']
    case 'reset': return ['-p tcp -j REJECT --reject-with tcp-reset']
    case 'limit': return [`-m hashlimit --hashlimit-above ${action.packetsPerS}/sec --hashlimit-burst ${limitBurst(action.packetsPerS)} --hashlimit-mode srcip --hashlimit-name ${chain.toLowerCase()} -j DROP`]
    case 'mtu': return [`-m length --length ${action.maxBytes + 1}:65535 -j DROP`]
    default: return action satisfies never
  }
}

/** Packets that may come at once: a tenth of a second's, but some. */
export function limitBurst(packetsPerS: number): number {
  return Math.max(5, Math.ceil(packetsPerS / 10))
}
