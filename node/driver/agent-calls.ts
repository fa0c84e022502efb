import type { Readable } from 'node:stream'
import type { ApiHandler } from '../api/exchange.ts'
import { unreachable } from '../base/assert.ts'
import type { Random } from '../base/random.ts'
import type { Cancel, Scheduler } from '../base/scheduler.ts'
import { answerMessage } from '../dns/dns-message.ts'
import type { CatalogReader } from '../state/catalog.ts'
import type { CatalogCommand } from '../state/catalog-commands.ts'
import type { CatalogCheck, CatalogService, CheckDefinition, ServiceDefinition } from '../state/catalog-types.ts'
import { encodeCommand } from '../state/commands.ts'
import { type AgentAnswer, type AgentCall, passedOnBytesMax } from '../transport/agent-messages.ts'
import type { ReadOutcome, WriteOutcome } from './requests.ts'

export interface AgentCallPorts {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly datacenter: string
  readonly handle: ApiHandler
  readonly catalog: CatalogReader
  readonly awaitRead: (mode: 'lease', done: (outcome: ReadOutcome) => void) => void
  readonly write: (command: Uint8Array, done: (outcome: WriteOutcome) => void) => void
  /** False: this server's state may be of any age. */
  readonly ready: () => boolean
}

/** What a server does for client agents. Returns what tells it that nobody waits any more. */
export function serveAgentCall(ports: AgentCallPorts, call: AgentCall, answer: (answer: AgentAnswer) => void): Cancel {
  switch (call.kind) {
    case 'http': return serveHttp(ports, call, answer)
    case 'apply':
      ports.write(call.command, (outcome) => answer(toAnswer(outcome)))
      return noCancel
    case 'nodes':
      ports.awaitRead('lease', ({ kind }) => {
        if (kind !== 'ready') return answer({ kind })
        const registrations = call.nodes.flatMap((node) => registrationsOf(node, ports.catalog)).map(encodeCommand)
        answer({ kind: 'nodes', registrations, count: ports.catalog.nodes().value.length })
      })
      return noCancel
    case 'dns': {
      const { query, over, domain, onlyPassing, markTruncated } = call
      const zone = { catalog: ports.catalog, datacenter: ports.datacenter, domain, onlyPassing, ttl: 0 }
      const options = { zone, ready: ports.ready, udpAnswerLimit: 3, markTruncated }
      answer({ kind: 'dns', reply: answerMessage(query, over, options, ports.random, ports.scheduler.wallMs()) })
      return noCancel
    }
    default: return unreachable(call)
  }
}

function noCancel(): void {}

function serveHttp({ handle }: AgentCallPorts, { agent, method, target, headers, body }: Extract<AgentCall, { kind: 'http' }>, answer: (answer: AgentAnswer) => void): Cancel {
  const goneListeners: (() => void)[] = []
  let ended = false
  handle({ agent, method, target, headers, body, onGone: (gone) => { goneListeners.push(gone) } }, (response) => {
    if (ended) return void response.source?.destroy()
    const { status, headers, source } = response
    const finish = (body: Uint8Array) => {
      if (ended) return
      ended = true
      answer({ kind: 'http', status, headers, body })
    }
    if (source === undefined) return finish(Buffer.from(response.body as Uint8Array))
    // What is made while it is sent goes over in one piece: an agent's calls share a connection.
    collect(source).then(finish, (error: Error) => {
      if (ended) return
      ended = true
      answer({ kind: 'http', status: 500, headers: {}, body: Buffer.from(error.message) })
    })
  })
  return () => {
    ended = true
    for (const gone of goneListeners) gone()
  }
}

async function collect(source: Readable): Promise<Uint8Array> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of source as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > passedOnBytesMax) throw new Error(`The answer has more than ${passedOnBytesMax} bytes, too many to be passed on by a client agent: ask a server.`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function toAnswer(outcome: WriteOutcome): AgentAnswer {
  switch (outcome.kind) {
    case 'applied': return { kind: 'applied' }
    case 'invalid':
    case 'no-leader': return outcome
    case 'leadership-lost': return { kind: 'unknown', problem: 'leadership lost while committing log' }
    case 'no-answer': return { kind: 'unknown', problem: outcome.cause }
  }
}

/** Commands that make a catalog with this node as it is in this one; none if it is not there. */
export function registrationsOf(name: string, catalog: Pick<CatalogReader, 'node' | 'nodeChecks'>): CatalogCommand[] {
  const found = catalog.node(name).value
  if (found === null) return []
  const { createIndex, modifyIndex, ...node } = found.node
  const register = (service: ServiceDefinition | null, checks: readonly CheckDefinition[]): CatalogCommand => ({ kind: 'catalog-register', node, skipNodeUpdate: false, service, checks })
  // Services first: their checks need them.
  return [...found.services.map((service) => register(serviceDefinition(service), [])), register(null, catalog.nodeChecks(name).value.map(checkDefinition))]
}

function serviceDefinition({ createIndex, modifyIndex, ...service }: CatalogService): ServiceDefinition {
  return service
}

function checkDefinition({ createIndex, modifyIndex, node, serviceName, serviceTags, ...check }: CatalogCheck): CheckDefinition {
  return check
}
