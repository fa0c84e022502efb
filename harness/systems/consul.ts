import { consulDeployment } from './consul-deployment.ts'
import { consulMembership } from './membership.ts'
import { registry } from './registry.ts'
import type { System } from './system.ts'

/** Its autopilot looks every ten seconds whether somebody is to be made a voter. */
const agreeTimeoutMs = 25_000

/** Consul itself: the same API by the same client as our registry. */
export const consul: System = { ...registry, name: 'consul', deployment: consulDeployment, membership: { ...consulMembership, agreeTimeoutMs } }
