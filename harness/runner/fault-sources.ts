import type { Nemesis } from '../../nemesis/nemesis.ts'
import type { Environment, EnvironmentOptions } from '../environments/environment.ts'
import { membersMax } from '../plan/defaults.ts'
import type { RunPlan } from '../plan/plan.ts'
import type { System } from '../systems/system.ts'
import type { FaultSources } from './main-phase.ts'

/** Members to spare where membership is to change. */
const sparesForMembership = 2

/** A family that cannot work here, and the sentence that says why. */
export interface Unserved {
  readonly name: string
  readonly why: string
}

/** What an environment is made with, so that the plan's faults can work in it. */
export function environmentFaults(plan: RunPlan): Required<Pick<EnvironmentOptions, 'faults' | 'spareCount'>> {
  const faults = [...new Set([...plan.nemesis, ...plan.faultScript?.faults.map(({ fault }) => fault) ?? []])]
  return { faults, spareCount: faults.includes('membership') ? Math.min(sparesForMembership, membersMax - plan.members) : 0 }
}

/**
 * The plan's families, in this environment. Who asked for all gets those that
 * work and is told which do not; who asked for some, or wrote them into a
 * script, is refused.
 */
export function chooseSources(environment: Environment, plan: RunPlan, system: System, nemeses: Readonly<Record<string, Nemesis>>): FaultSources & { readonly leftOut: readonly Unserved[], readonly refused: readonly Unserved[] } {
  const unservedOf = (names: readonly string[]) => names.flatMap((name): Unserved[] => {
    const why = nemeses[name]!.missing(environment, plan, system)
    return why === null ? [] : [{ name, why }]
  })
  const scriptedNames = [...new Set(plan.faultScript?.faults.map(({ fault }) => fault) ?? [])]
  const unserved = unservedOf(plan.nemesis)
  const drawn = plan.nemesis.filter((name) => !unserved.some((one) => one.name === name)).map((name) => nemeses[name]!)
  return {
    drawn,
    scripted: scriptedNames.map((name) => nemeses[name]!),
    leftOut: plan.nemesisAll ? unserved : [],
    refused: [...plan.nemesisAll ? [] : unserved, ...unservedOf(scriptedNames)],
  }
}
