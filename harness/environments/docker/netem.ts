import { portsOf, type SystemPorts } from '../deployment.ts'
import type { Disturbance, Traffic } from '../environment.ts'

/**
 * Disturbances by the kernel's own `tc netem` (tc-netem(8)), for kernels that
 * have it and no NFQUEUE. Text only; `link-disturber.ts` sends it, to the
 * senders: a queue disturbs what leaves.
 *
 *     eth0 root prio 1: ─ band 1 (everything else)
 *                       ├ band 2: netem of disturbance 5  (u32: dst n2)
 *                       └ band 3: netem of disturbance 6  (u32: dst n3, port 8301)
 *
 * A packet goes through one band only: of two disturbances on a link the older
 * one holds it, which the probe of the newer one shows.
 */

const device = 'eth0'
/** As many as prio can have; the first is for what is not disturbed. */
export const bandsMax = 16
const tcp = 6
const udp = 17

const priorities = Array.from({ length: 16 }, () => 0).join(' ')
const rootScript = `tc qdisc show dev ${device} | grep -q 'qdisc prio 1: root' || tc qdisc replace dev ${device} root handle 1: prio bands ${bandsMax} priomap ${priorities}`

/** Tries all that is used, on loopback, and prints `netem works` or `netem missing REASON`. */
export const netemFeatureScript = [
  `out=$( { tc qdisc add dev lo root handle 1: prio bands ${bandsMax} priomap ${priorities} && tc qdisc add dev lo parent 1:2 handle 1002: netem delay 1ms 1ms distribution normal \\`,
  '  && tc filter add dev lo parent 1: protocol ip pref 1 u32 match ip dst 192.0.2.1/32 match ip protocol 6 0xff match ip dport 8300 0xffff flowid 1:2; } 2>&1 ) \\',
  '  && echo netem works || echo netem missing $(echo "$out" | head -1)',
  'tc qdisc del dev lo root 2>/dev/null; true',
].join('\n')

/** What netem is told; null for what it cannot do. */
export function netemArguments(disturbance: Disturbance): string | null {
  const percent = (probability: number) => `${Number((probability * 100).toFixed(4))}%`
  switch (disturbance.kind) {
    case 'loss': {
      const { probability, burstLength } = disturbance
      if (burstLength <= 1) return `loss ${percent(probability)}`
      // Gilbert's two states (tc-netem, "gemodel p r"): r ends a burst, and p begins as many as make the share.
      const ends = 1 / burstLength
      return `loss gemodel ${percent(Math.min(1, probability * ends / Math.max(1e-9, 1 - probability)))} ${percent(ends)}`
    }
    case 'delay': {
      const { delayMs, jitterMs, distribution } = disturbance
      if (jitterMs === 0) return `delay ${delayMs}ms`
      // Without a distribution it is uniform.
      return `delay ${delayMs}ms ${jitterMs}ms${distribution === 'uniform' ? '' : ` distribution ${distribution}`}`
    }
    case 'duplicate': return `duplicate ${percent(disturbance.probability)}`
    case 'corrupt': return `corrupt ${percent(disturbance.probability)}`
    // Those that are not delayed overtake the others, so it is told the share of the hasty.
    case 'reorder': return `delay ${disturbance.gapMs}ms reorder ${percent(1 - disturbance.probability)}`
    case 'bandwidth': return `rate ${disturbance.kbitPerS}kbit`
    case 'mtu': return null
    default: return disturbance satisfies never
  }
}

export interface NetemRule {
  /** Of the disturbance: the filters' preference, and the queue's handle. */
  readonly number: number
  /** 2 to `bandsMax`. */
  readonly band: number
  readonly destinations: readonly string[]
  readonly traffic: Traffic
  readonly arguments: string
}

/** Makes the queue and steers to it what goes to these destinations. */
export function netemScript({ number, band, destinations, traffic, arguments: words }: NetemRule, ports: SystemPorts): string {
  const filters = destinations.flatMap((address) => conversationMatches(traffic, ports).map((match) =>
    `tc filter add dev ${device} parent 1: protocol ip pref ${number} u32 match ip dst ${address}/32${match} flowid 1:${band.toString(16)}`))
  return [rootScript, `tc qdisc add dev ${device} parent 1:${band.toString(16)} handle ${(0x1000 + band).toString(16)}: netem limit 10000 ${words}`, ...filters].join(' && ')
}

/** Removes what `netemScript` made; does nothing where it is gone already. Prints what queues are left. */
export function netemCalmScript(number: number, band: number): string {
  return [
    `tc filter del dev ${device} parent 1: protocol ip pref ${number} 2>/dev/null`,
    `tc qdisc del dev ${device} parent 1:${band.toString(16)} 2>/dev/null`,
    `tc qdisc show dev ${device}`,
  ].join('; ')
}

/** Whether a queue is still there, from what `netemCalmScript` prints. */
export const isCalm = (printed: string, band: number): boolean => !new RegExp(`netem ${(0x1000 + band).toString(16)}:`).test(printed)

/** Of either port, as a conversation is told by the iptables rules too. */
function conversationMatches(traffic: Traffic, ports: SystemPorts): string[] {
  const numbers = portsOf(traffic, ports)
  if (numbers === undefined) throw new Error(`There is no ${traffic} to be told from other traffic`)
  if (numbers === null) return ['']
  return numbers.flatMap((port) => [udp, tcp].flatMap((protocol) => ['sport', 'dport'].map((side) => ` match ip protocol ${protocol} 0xff match ip ${side} ${port} 0xffff`)))
}
