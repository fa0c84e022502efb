import type { RunPlan } from '../plan/plan.ts'
import { consul } from './consul.ts'
import { etcd } from './etcd.ts'
import { registry } from './registry.ts'
import type { System } from './system.ts'

export const systems: Readonly<Record<RunPlan['system'], System>> = { registry, consul, etcd }
