import { z } from 'zod'
import { failureOf } from '../../client/definiteness.ts'
import { decodeJson } from '../../client/json-answers.ts'
import type { ReadConsistency } from '../../plan/plan.ts'
import type { Answer } from '../../../workloads/ports/answer.ts'
import type { CheckStatus, ServiceClient, ServiceInstance, ServiceRegistration } from '../../../workloads/ports/services.ts'
import type { MemberRequest } from '../system.ts'

const statusSchema = z.enum(['passing', 'warning', 'critical'])

/** The part of `/v1/health/service/:name` that is used. */
const healthSchema = z.array(z.object({
  Node: z.object({ Node: z.string() }),
  Service: z.object({ ID: z.string(), Service: z.string(), Port: z.int() }),
  Checks: z.array(z.object({ ServiceID: z.string(), Status: statusSchema })),
}))

const severity: Readonly<Record<CheckStatus, number>> = { passing: 0, warning: 1, critical: 2 }
const words: Readonly<Record<CheckStatus, string>> = { passing: 'pass', warning: 'warn', critical: 'fail' }

/** Services as `/v1/agent` and `/v1/health` have them. */
export class ConsulServiceClient implements ServiceClient {
  readonly #request: MemberRequest
  readonly #timeoutMs: number

  constructor(request: MemberRequest, timeoutMs: number) {
    this.#request = request
    this.#timeoutMs = timeoutMs
  }

  register({ id, name, port, ttlMs }: ServiceRegistration): Promise<Answer<object>> {
    const check = ttlMs === null ? {} : { Check: { CheckID: checkOf(id), Name: 'reported', TTL: `${ttlMs}ms` } }
    return this.#put('/v1/agent/service/register', JSON.stringify({ ID: id, Name: name, Port: port, ...check }))
  }

  deregister(id: string): Promise<Answer<object>> {
    return this.#put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`)
  }

  report(id: string, status: CheckStatus): Promise<Answer<object>> {
    return this.#put(`/v1/agent/check/${words[status]}/${encodeURIComponent(checkOf(id))}`)
  }

  async instances(name: string, consistency: ReadConsistency): Promise<Answer<{ instances: readonly ServiceInstance[] }>> {
    const query = consistency === 'default' ? '' : `?${consistency}`
    const outcome = await this.#request({ method: 'GET', target: `/v1/health/service/${encodeURIComponent(name)}${query}` }, this.#timeoutMs)
    if (outcome.kind !== 'response' || outcome.status !== 200) return failureOf(outcome, 'read')
    const decoded = decodeJson(outcome.body, healthSchema)
    if ('malformed' in decoded) return failureOf(outcome, 'read', decoded.malformed)
    const other = decoded.value.find(({ Service }) => Service.Service !== name)
    if (other !== undefined) return failureOf(outcome, 'read', `malformed answer: asked for ${name}, got ${other.Service.Service}`)
    return {
      type: 'ok',
      instances: decoded.value.map(({ Node, Service, Checks }) => ({
        id: Service.ID, node: Node.Node, port: Service.Port,
        status: worst(Checks.filter(({ ServiceID }) => ServiceID !== '')), nodeStatus: worst(Checks.filter(({ ServiceID }) => ServiceID === '')),
      })),
    }
  }

  async #put(target: string, body?: string): Promise<Answer<object>> {
    const outcome = await this.#request({ method: 'PUT', target, ...body === undefined ? {} : { body } }, this.#timeoutMs)
    return outcome.kind === 'response' && outcome.status === 200 ? { type: 'ok' } : failureOf(outcome, 'write')
  }
}

const checkOf = (id: string) => `check-of-${id}`

function worst(checks: readonly { readonly Status: CheckStatus }[]): CheckStatus {
  return checks.reduce<CheckStatus>((status, { Status }) => severity[Status] > severity[status] ? Status : status, 'passing')
}
