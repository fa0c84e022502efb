import type { ApiResponse } from '../api/exchange.ts'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { ClientNode } from '../client/client-node.ts'
import { resolveGossipConfig } from '../gossip/config.ts'
import { memoryDisk, type MemoryDisk } from '../storage/memory-disk.ts'
import type { CallOutcome, ServerPort } from '../transport/agent-links.ts'
import type { VirtualCluster } from './virtual-cluster.ts'

const latencyMs = 1

/** Client agents of a virtual cluster that gossips. */
export class VirtualClients {
  readonly agents = new Map<string, ClientNode>()
  readonly disks = new Map<string, MemoryDisk>()
  /** Names of agents that left on request. */
  readonly left: string[] = []
  /** Calls from an agent to a server that pass; others end as where nobody is. */
  passes: (agent: string, server: string) => boolean = () => true
  /** Every call that came to a server, in order. */
  readonly calls: { readonly agent: string, readonly server: string, readonly kind: string }[] = []
  readonly #cluster: VirtualCluster

  constructor(cluster: VirtualCluster) {
    this.#cluster = cluster
  }

  start(name: string, options: { readonly retryJoin?: readonly string[], readonly nodeMeta?: Record<string, string>, readonly id?: string } = {}): ClientNode {
    const { time, gossip } = this.#cluster
    if (!this.disks.has(name)) this.disks.set(name, memoryDisk({ after: time.after, syncLatencyMs: 0.5 }))
    const agent = new ClientNode({
      name, id: options.id ?? `id-${name}`, datacenter: 'dc1', version: '1.0.0', nodeMeta: options.nodeMeta ?? {}, rpcHoldTimeoutMs: 7000,
      local: { disk: this.disks.get(name)!, probes: { probe: (...args) => this.#cluster.probes.probe(...args) }, scriptChecks: false },
      servers: this.#servers(name), gossip: { config: resolveGossipConfig(), network: gossip!.connect(`${name}:8301`), retryJoin: options.retryJoin ?? ['n1', 'n2', 'n3'] },
      scheduler: time, random: seededRandom([...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7)), log: silentLog, onLeft: () => { this.left.push(name) },
    })
    this.agents.set(name, agent)
    agent.start()
    return agent
  }

  /** kill -9. */
  kill(name: string): void {
    this.agents.get(name)!.stop()
    this.agents.delete(name)
    this.#cluster.gossip!.disconnect(`${name}:8301`)
    this.disks.get(name)!.crash({ random: null })
  }

  request(name: string, method: string, target: string, body = ''): { response: ApiResponse | null } {
    const exchange: { response: ApiResponse | null } = { response: null }
    this.agents.get(name)!.handle({ method, target, headers: {}, body: Buffer.from(body) }, (response) => { exchange.response = response })
    return exchange
  }

  /** A whole exchange; rejects an answer that takes longer than the limit. */
  ask(name: string, method: string, target: string, body = '', limitMs = 10_000): ApiResponse {
    const exchange = this.request(name, method, target, body)
    if (!this.#cluster.time.runUntil(() => exchange.response !== null, limitMs)) throw new Error(`${method} ${target} at ${name}: no answer within ${limitMs} ms`)
    return exchange.response!
  }

  #servers(agent: string): ServerPort {
    const { time, nodes } = this.#cluster
    return {
      call: (address, call, done) => {
        const server = address.split(':')[0]!
        let over = false
        let cancelServed = () => {}
        const settle = (outcome: CallOutcome) => {
          if (over) return
          over = true
          done(outcome)
        }
        time.after(latencyMs, () => {
          if (over) return
          const node = nodes.get(server)
          if (node === undefined || !this.passes(agent, server)) return settle({ kind: 'unsent', reason: `dial tcp ${address}: connect: connection refused` })
          this.calls.push({ agent, server, kind: call.kind })
          cancelServed = node.serveAgent(call, (answer) => time.after(latencyMs, () => {
            settle(nodes.get(server) === node && this.passes(agent, server) ? { kind: 'answer', answer } : { kind: 'lost', reason: 'EOF' })
          }))
          const watch = () => {
            if (over) return
            if (nodes.get(server) !== node || !this.passes(agent, server)) return settle({ kind: 'lost', reason: 'EOF' })
            time.after(20, watch)
          }
          watch()
        })
        return () => {
          over = true
          cancelServed()
        }
      },
      close: () => {},
    }
  }
}
