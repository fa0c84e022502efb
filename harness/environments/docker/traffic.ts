import type { Traffic } from '../environment.ts'

export const traffics: readonly Traffic[] = ['all', 'raft', 'gossip']

/**
 * The ports of each conversation between members, Consul's numbers; null for
 * all of them. A packet belongs to one if either of its ports is the
 * conversation's, so that both directions of a connection do.
 */
export const trafficPorts: Readonly<Record<Traffic, readonly number[] | null>> = { all: null, raft: [8300], gossip: [8301] }

/**
 * The conditions of firewall rules that match what `source` sends in a
 * conversation, one rule each. Raft's include UDP on its port, where nothing
 * but probes is sent, so that one kind of probe shows all of them.
 */
export function matchesOf(source: string, traffic: Traffic): string[] {
  const ports = trafficPorts[traffic]
  if (ports === null) return [`-s ${source}`]
  return ports.flatMap((port) => ['udp', 'tcp'].flatMap((protocol) => ['sport', 'dport'].map((side) => `-s ${source} -p ${protocol} --${side} ${port}`)))
}

/** From where a probe of a conversation is sent: a port that its rules match; for all traffic any other. */
export function probeSourcePort(traffic: Traffic): number {
  return trafficPorts[traffic]?.[0] ?? 7006
}
