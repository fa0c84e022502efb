import { consulDeployment } from './consul-deployment.ts'
import { registry } from './registry.ts'
import type { System } from './system.ts'

/** Consul itself: the same API by the same client as our registry. */
export const consul: System = { ...registry, name: 'consul', deployment: consulDeployment }
