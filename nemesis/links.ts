import { z } from 'zod'
import type { Link, Traffic } from '../harness/environments/environment.ts'
import type { RunPlan } from '../harness/plan/plan.ts'

/** A link as it stands in histories and scripts: `n1>n2`. */
export const linkText = ({ from, to }: Link): string => `${from}>${to}`

export const linkSchema = z.string().regex(/^[^>\s]+>[^>\s]+$/, 'a link is written n1>n2')

/** @throws RangeError if it is no link; scripts are checked with `linkSchema` before */
export function parseLink(text: string): Link {
  const [from, to] = text.split('>')
  if (from === undefined || to === undefined || to === '') throw new RangeError(`${text} is no link; one is written n1>n2`)
  return { from, to }
}

/** What `--traffic` may say: what members say to each other, and what clients say to them. */
export const trafficNames = ['all', 'raft', 'gossip', 'clients'] as const

/** What of the plan's traffics a fault on links can be limited to here. Never empty where `unservedTraffics` found nothing. */
export function trafficsToDraw(plan: RunPlan, served: readonly Traffic[] = ['all']): readonly Traffic[] {
  const asked = plan.traffics.filter((traffic): traffic is Traffic => traffic !== 'clients')
  const both = asked.filter((traffic) => served.includes(traffic))
  return both.length > 0 ? both : ['all']
}

/** The sentence where the user asked for traffic that cannot be told apart here; null where all can, or nobody asked for any by name. */
export function unservedTraffics(plan: RunPlan, served: readonly Traffic[] = ['all']): string | null {
  if (plan.nemesisAll) return null
  const unserved = plan.traffics.filter((traffic) => traffic !== 'clients' && !served.includes(traffic))
  return unserved.length === 0 ? null : `this environment cannot tell ${unserved.join(' and ')} from other traffic; it can break ${served.join(', ')}`
}
