import type { Traffic } from '../environment.ts'
import type { SystemPorts } from '../deployment.ts'
import { matchesOf } from './traffic.ts'

/**
 * What is said to the firewall in a member's network namespace, and what it
 * answers. Text only; `link-cutter.ts` sends it.
 *
 *     mangle: INPUT ─► SB-LOSSES ─► SB-DISTURB-5 (some packets: DROP)
 *                   └► SB-QUEUES ─► SB-DISTURB-6 (-s n2 NFQUEUE)     see packet-rules.ts
 *     filter: INPUT ─► SB-CUTS ─► SB-CUT-7 (-s n2 DROP, -s n3 DROP)  newest cut first
 *                   │         └─► SB-CUT-4 (-s n2 DROP)
 *                   ├► SB-RULES ─► SB-RULES-8                        see rule-chains.ts
 *                   └► SB-ARRIVED (port 7: -s n2 count and drop, -s n3 count and drop)
 *
 * A packet that a queue gives back skips the rest of its table's chain, so what
 * queues has a table of its own, before the others.
 *
 * Each cut has a chain of its own, so that it is healed by removing that chain
 * and no other. A link is cut at its receiver, on arrival: so one direction can
 * be cut alone, and what was sent before the cut but arrives after it is lost too.
 *
 * Probes are packets to the discard port, of a conversation's own kind where only that is cut. A cut link is proven by the cut's
 * own rule counting the probe and SB-ARRIVED not; a healed one by SB-ARRIVED counting it.
 * Unlike an echo this needs no way back, which another cut may hold.
 */

/** Discard (RFC 863). Nothing listens there; SB-ARRIVED swallows the packet before that matters. */
export const probePort = 7
const cutsChain = 'SB-CUTS'
const arrivedChain = 'SB-ARRIVED'
export const rulesChain = 'SB-RULES'

/** The chain of one cut: iptables allows 28 characters. */
export function cutChain(cutNumber: number): string {
  return `SB-CUT-${cutNumber}`
}

/** Packets that matched a rule on a source address. */
export interface RuleCount {
  readonly chain: string
  readonly source: string
  readonly packets: number
}

/**
 * Finds the variant of iptables that works here (a kernel may know only the old or only the new
 * interface), makes the chains, and prints `links ready` or `links unavailable: …`.
 */
export const setUpScript = `
${variantScript()}
if out=$(printf '%s\\n' '*filter' ':${cutsChain} - [0:0]' ':${rulesChain} - [0:0]' ':${arrivedChain} - [0:0]' '-A INPUT -j ${cutsChain}' '-A INPUT -j ${rulesChain}' \
  '-A INPUT -p udp --dport ${probePort} -j ${arrivedChain}' '-A INPUT -p tcp --dport ${probePort} -j ${arrivedChain}' COMMIT | $ipt-restore --noflush 2>&1)
then echo 'links ready'
else echo "links unavailable: $out" | tr '\\n' ' '; echo
fi`

/** Sets `$ipt` to the variant that works. Once at the start of each script: cheap, and no state to lose. */
export function variantScript(): string {
  return `ipt=iptables; $ipt -w 5 -n -L INPUT >/dev/null 2>&1 || ipt=iptables-legacy`
}

/** One transaction: all lines take effect at once or none. */
export function restore(table: 'filter' | 'mangle', ...lines: readonly string[]): string {
  return `${variantScript()}
printf '%s\\n' '*${table}' ${lines.map((line) => `'${line}'`).join(' ')} COMMIT | $ipt-restore --noflush -w 5`
}

/** Counts probes from each peer. */
export function watchPeersScript(peerAddresses: readonly string[]): string {
  return restore('filter', ...peerAddresses.map((address) => `-A ${arrivedChain} -s ${address} -j DROP`))
}

/** Drops what arrives from these, of one conversation or all. In front of older cuts, so that its own rules see the probe. Prints the counters. */
export function cutScript(cutNumber: number, sourceAddresses: readonly string[], traffic: Traffic = 'all', ports?: SystemPorts): string {
  const chain = cutChain(cutNumber)
  return `${restore(
    'filter',
    `:${chain} - [0:0]`,
    ...sourceAddresses.flatMap((address) => matchesOf(address, traffic, ports)).map((match) => `-A ${chain} ${match} -j DROP`),
    `-I ${cutsChain} 1 -j ${chain}`,
  )} && ${countersScript}`
}

/** Removes one cut's chain, if it is there. Prints the counters that are left. */
export function healScript(cutNumber: number): string {
  return `${removeChainScript('filter', cutsChain, cutChain(cutNumber))} && ${countersScript}`
}

/** Removes a chain and the jump to it from its parent; does nothing where it is gone already. */
export function removeChainScript(table: 'filter' | 'mangle', parent: string, chain: string): string {
  return `${variantScript()}
if $ipt -w 5 -t ${table} -n -L ${chain} >/dev/null 2>&1; then ${restore(table, `-D ${parent} -j ${chain}`, `-F ${chain}`, `-X ${chain}`)}; fi`
}

/** Prints rules with their counters. */
export const countersScript = `$ipt-save -c -t filter`

/** `countersScript` on its own. */
export const readCountersScript = `${variantScript()}
${countersScript}`

/** Sends one probe to each address. */
export function probeScript(addresses: readonly string[]): string {
  // bash's own UDP: no program to start, none to install. A refusal by an earlier probe's answer is no news.
  return `for address in ${addresses.join(' ')}; do echo probe > /dev/udp/$address/${probePort}; done 2>/dev/null; true`
}

/** Reads `iptables-save -c`: `[3:180] -A SB-CUT-1 -s 172.18.0.2/32 -j DROP`. */
export function parseCounters(saved: string): RuleCount[] {
  return saved.split('\n').flatMap((line) => {
    const match = /^\[(\d+):\d+\] -A (SB-\S+) -s ([\d.]+)(?:\/32)? /.exec(line)
    return match === null ? [] : [{ packets: Number(match[1]), chain: match[2]!, source: match[3]! }]
  })
}

/** Packets that a cut has dropped from a source; null where the cut has no such rule. */
export function droppedFrom(counts: readonly RuleCount[], cutNumber: number, source: string): number | null {
  return packetsOf(counts, cutChain(cutNumber), source)
}

/** Probes from a source that have passed all cuts. */
export function arrivedFrom(counts: readonly RuleCount[], source: string): number {
  return packetsOf(counts, arrivedChain, source) ?? 0
}

/** Whether anything of a cut is left. */
export function hasCut(saved: string, cutNumber: number): boolean {
  return new RegExp(`\\b${cutChain(cutNumber)}\\b`).test(saved)
}

function packetsOf(counts: readonly RuleCount[], chain: string, source: string): number | null {
  const found = counts.filter((count) => count.chain === chain && count.source === source)
  return found.length === 0 ? null : found.reduce((sum, { packets }) => sum + packets, 0)
}
