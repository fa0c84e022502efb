import { portsOf, type SystemPorts } from '../deployment.ts'
import type { Traffic } from '../environment.ts'

/** Consul's numbers, which this project's registry has too. */
export const consulPorts: SystemPorts = { http: 8500, raft: 8300, gossip: 8301, dns: 8600 }

/** The conversations that a system has. */
export function trafficsOf(ports: SystemPorts): readonly Traffic[] {
  return (['all', 'raft', 'gossip'] as const).filter((traffic) => portsOf(traffic, ports) !== undefined)
}

/**
 * The conditions of firewall rules that match what `source` sends in a
 * conversation, one rule each. A packet belongs to it if either of its ports
 * is the conversation's, so that both directions of a connection do. Raft's include UDP on its port, where nothing
 * but probes is sent, so that one kind of probe shows all of them.
 */
export function matchesOf(source: string, traffic: Traffic | 'clients', systemPorts: SystemPorts = consulPorts): string[] {
  const ports = portsOf(traffic, systemPorts)
  if (ports === undefined) throw new Error(`There is no ${traffic} to be told from other traffic`)
  if (ports === null) return [`-s ${source}`]
  // What clients ask, whoever they are; the UDP is probes.
  if (traffic === 'clients') return ports.flatMap((port) => [`-s ${source} -p tcp --dport ${port}`, `-s ${source} -p udp --sport ${port}`])
  return ports.flatMap((port) => ['udp', 'tcp'].flatMap((protocol) => ['sport', 'dport'].map((side) => `-s ${source} -p ${protocol} --${side} ${port}`)))
}

/** From where a probe of a conversation is sent: a port that its rules match; for all traffic any other. */
export function probeSourcePort(traffic: Traffic | 'clients', ports: SystemPorts = consulPorts): number {
  return portsOf(traffic, ports)?.[0] ?? 7006
}
