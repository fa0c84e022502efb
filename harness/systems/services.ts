import { z } from 'zod'
import { bodyText, describeOutcome } from '../client/definiteness.ts'
import type { HttpRequest } from '../environments/environment.ts'
import type { MemberRequest } from './system.ts'

/** Services of one agent, each with a TTL check of its own. Every call rejects with a sentence where the agent does not do it. */
export interface Services {
  register(request: MemberRequest, id: string): Promise<void>
  deregister(request: MemberRequest, id: string): Promise<void>
  /** Sets the service's check. */
  report(request: MemberRequest, id: string, status: CheckStatus): Promise<void>
  /** Of all services of this agent: the status of its check. */
  statuses(request: MemberRequest): Promise<Readonly<Record<string, string>>>
}

export type CheckStatus = 'passing' | 'critical'

const timeoutMs = 2000
const checksSchema = z.record(z.string(), z.object({ ServiceID: z.string(), Status: z.string() }))

/** As Consul's API has it: "Agent", "Service", "Check". */
export const consulServices: Services = {
  register: (request, id) => done(request, {
    method: 'PUT', target: '/v1/agent/service/register',
    // Longer than any run: only what is reported changes it.
    body: JSON.stringify({ ID: id, Name: id, Port: 1, Check: { CheckID: checkOf(id), Name: 'reported', TTL: '24h', Status: 'passing' } }),
  }),
  deregister: (request, id) => done(request, { method: 'PUT', target: `/v1/agent/service/deregister/${encodeURIComponent(id)}` }),
  report: (request, id, status) => done(request, { method: 'PUT', target: `/v1/agent/check/${status === 'passing' ? 'pass' : 'fail'}/${encodeURIComponent(checkOf(id))}` }),
  async statuses(request) {
    const text = await answer(request, { method: 'GET', target: '/v1/agent/checks' })
    const checks = Object.values(checksSchema.parse(JSON.parse(text)))
    return Object.fromEntries(checks.filter(({ ServiceID }) => ServiceID !== '').map(({ ServiceID, Status }) => [ServiceID, Status]))
  },
}

const checkOf = (id: string) => `check-of-${id}`

async function done(request: MemberRequest, what: HttpRequest): Promise<void> {
  await answer(request, what)
}

async function answer(request: MemberRequest, what: HttpRequest): Promise<string> {
  const outcome = await request(what, timeoutMs)
  if (outcome.kind !== 'response' || outcome.status !== 200) throw new Error(`${what.method} ${what.target}: ${describeOutcome(outcome)}`)
  return bodyText(outcome)
}
