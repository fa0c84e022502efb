import type { EnvironmentKind } from '../environments/environment.ts'
import type { PlanOptions } from './options.ts'

export type Availability = { readonly available: true } | { readonly available: false, readonly reason: string }

export interface ChosenEnvironment {
  readonly kind: EnvironmentKind
  /** For the person who watches: which, and why. */
  readonly why: string
}

/** `auto` is Docker when an engine answers, else local processes. */
export async function chooseEnvironment(asked: NonNullable<PlanOptions['env']>, dockerAvailability: () => Promise<Availability>): Promise<ChosenEnvironment> {
  if (asked !== 'auto') return { kind: asked, why: `environment ${asked}, as asked` }
  const docker = await dockerAvailability()
  if (docker.available) return { kind: 'docker', why: 'environment docker: an engine answers' }
  return { kind: 'local', why: `environment local (processes on this machine), because Docker cannot be used: ${docker.reason}` }
}
