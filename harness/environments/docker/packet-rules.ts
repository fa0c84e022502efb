import type { SystemPorts } from '../deployment.ts'
import type { Disturbance, Traffic } from '../environment.ts'
import { removeChainScript, restore, variantScript } from './firewall.ts'
import { matchesOf } from './traffic.ts'

/**
 * Firewall rules that lose packets, or hand them to the packet agent. Text
 * only; `link-disturber.ts` sends it. See `firewall.ts` for where the chains are.
 * Packets over loopback are left alone: the agent's second copies come that way.
 */

const lossesChain = 'SB-LOSSES'
const queuesChain = 'SB-QUEUES'
/** As in docker/packet-agent.py. */
const queueNumber = 5

/** What the kernel must offer for some disturbances. */
export type PacketFeature = 'statistic' | 'length' | 'nfqueue'

const featureTargets: Readonly<Record<PacketFeature, string>> = {
  statistic: '-m statistic --mode random --probability 0.5 -j DROP',
  length: '-m length --length 1000:65535 -j DROP',
  nfqueue: `-j NFQUEUE --queue-num ${queueNumber}`,
}

/** Makes the chains. */
export const setUpPacketsScript = restore('mangle', `:${lossesChain} - [0:0]`, `:${queuesChain} - [0:0]`, `-A INPUT -j ${lossesChain}`, `-A INPUT -j ${queuesChain}`)

/** Tries each feature for real and prints `name works` or `name missing REASON`. */
export const packetFeaturesScript = [
  variantScript(),
  '$ipt -w 5 -t mangle -N SB-TRY 2>&1',
  ...Object.entries(featureTargets).map(([feature, target]) =>
    `out=$($ipt -w 5 -t mangle -A SB-TRY -s 192.0.2.1 ${target} 2>&1) && echo '${feature} works' || echo ${feature} missing $out`),
  '$ipt -w 5 -t mangle -F SB-TRY; $ipt -w 5 -t mangle -X SB-TRY',
].join('\n')

/** Null for each that works, or why it does not. */
export function parsePacketFeatures(printed: string): Record<PacketFeature, string | null> {
  const stateOf = (feature: PacketFeature) => {
    const match = new RegExp(`^${feature} (works|missing)(.*)$`, 'm').exec(printed)
    return match?.[1] === 'works' ? null : match?.[2]?.trim() || 'it was refused without a reason'
  }
  return { statistic: stateOf('statistic'), length: stateOf('length'), nfqueue: stateOf('nfqueue') }
}

/**
 * How a disturbance is made: by a rule alone, or by the agent. Losses that do
 * not depend on each other and a black-holed MTU need no program.
 */
export function ruleTarget(disturbance: Disturbance, features: Record<PacketFeature, string | null>): string | null {
  switch (disturbance.kind) {
    case 'loss': return disturbance.burstLength <= 1 && features.statistic === null
      ? disturbance.probability >= 1 ? '-j DROP' : `-m statistic --mode random --probability ${disturbance.probability.toFixed(6)} -j DROP`
      : null
    case 'mtu': return `-m length --length ${disturbance.maxBytes + 1}:65535 -j DROP`
    case 'delay': case 'duplicate': case 'reorder': case 'corrupt': case 'bandwidth': return null
    default: return disturbance satisfies never
  }
}

/** The agent's words for a disturbance; see docker/packet-agent.py. */
export function agentWords(disturbance: Disturbance): readonly (string | number)[] {
  switch (disturbance.kind) {
    case 'loss': return ['loss', disturbance.probability, disturbance.burstLength]
    case 'delay': return ['delay', disturbance.delayMs, disturbance.jitterMs, ['uniform', 'normal', 'pareto'].indexOf(disturbance.distribution)]
    case 'duplicate': return ['duplicate', disturbance.probability]
    case 'reorder': return ['reorder', disturbance.probability, disturbance.gapMs]
    case 'corrupt': return ['corrupt', disturbance.probability]
    case 'bandwidth': return ['bandwidth', disturbance.kbitPerS]
    case 'mtu': throw new Error('A black-holed MTU is a firewall rule, not for the packet agent')
    default: return disturbance satisfies never
  }
}

function disturbChain(number: number): string {
  return `SB-DISTURB-${number}`
}

/** Steers what arrives from these sources to a target, or into the agent's queue. */
export function disturbScript(number: number, sources: readonly string[], traffic: Traffic | 'clients', target: string | null, ports?: SystemPorts): string {
  const chain = disturbChain(number)
  return restore('mangle',
    `:${chain} - [0:0]`,
    ...sources.flatMap((source) => matchesOf(source, traffic, ports)).map((match) => `-A ${chain} ! -i lo ${match} ${target ?? featureTargets.nfqueue}`),
    `-A ${target === null ? queuesChain : lossesChain} -j ${chain}`)
}

/** Removes what `disturbScript` made; does nothing where it is gone already. */
export function calmScript(number: number, target: string | null): string {
  return removeChainScript('mangle', target === null ? queuesChain : lossesChain, disturbChain(number))
}
