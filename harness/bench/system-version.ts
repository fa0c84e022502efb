import { z } from 'zod'
import { bodyText } from '../client/definiteness.ts'
import type { SystemName } from '../plan/plan.ts'
import type { MemberRequest } from '../systems/system.ts'

const timeoutMs = 5000
const consulSchema = z.object({ Config: z.object({ Version: z.string() }) })
const etcdSchema = z.object({ etcdserver: z.string() })

/** What the member says that it is, as `1.8.7`; null where it does not say, and for this project's own, whose version is known. */
export async function systemVersion(system: SystemName, request: MemberRequest): Promise<string | null> {
  switch (system) {
    case 'registry': return null
    case 'consul': return (await ask(request, '/v1/agent/self', consulSchema))?.Config.Version ?? null
    case 'etcd': return (await ask(request, '/version', etcdSchema))?.etcdserver ?? null
    default: return system satisfies never
  }
}

async function ask<T>(request: MemberRequest, target: string, schema: z.ZodType<T>): Promise<T | null> {
  const outcome = await request({ method: 'GET', target }, timeoutMs)
  if (outcome.kind !== 'response' || outcome.status !== 200) return null
  try {
    return schema.safeParse(JSON.parse(bodyText(outcome))).data ?? null
  } catch {
    return null
  }
}

/** The versions of a record, with what the measured system says that it is. */
export function versionsWith(versions: Readonly<Record<string, string>>, system: SystemName, systemVersion: string | null): Record<string, string> {
  return { ...versions, ...systemVersion === null ? {} : { [system]: systemVersion } }
}
