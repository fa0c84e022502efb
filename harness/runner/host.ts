import { unreachable } from '../../node/base/assert.ts'
import { nemeses } from '../../nemesis/index.ts'
import { workloads } from '../../workloads/index.ts'
import type { Environment, EnvironmentKind, EnvironmentOptions } from '../environments/environment.ts'
import { UsageError } from '../plan/usage-error.ts'
import { checkMembers } from './check-members.ts'
import type { RunHost } from './prepared-run.ts'

/**
 * The real environments, workloads and checks. An environment is loaded only
 * where it is wanted: its dependencies must not slow or break another.
 */
export const realHost: RunHost = {
  workloads, nemeses, createEnvironment, reapDeadRuns, checkMembers,
  dockerAvailability: async () => (await import('../environments/docker/index.ts')).dockerAvailability(),
  loadMutant: async (nameOrFile) => (await import('../mutants/index.ts')).loadMutant(nameOrFile).edits,
}

async function createEnvironment(kind: EnvironmentKind, options: EnvironmentOptions): Promise<Environment> {
  if (options.deployment !== undefined && kind !== 'docker') throw new UsageError(`${options.deployment.name} runs in containers, and environment ${kind} runs this project's registry only: use --env docker.`)
  switch (kind) {
    case 'docker': return (await import('../environments/docker/index.ts')).createDockerEnvironment(options)
    case 'local': return (await import('../environments/local/index.ts')).createLocalEnvironment(options)
    case 'simulated': return (await import('../environments/simulated/index.ts')).createSimulatedEnvironment(options)
    default: return unreachable(kind)
  }
}

async function reapDeadRuns(kind: EnvironmentKind, say: (line: string) => void): Promise<void> {
  switch (kind) {
    case 'docker': return (await import('../environments/docker/index.ts')).reapDeadRuns(say)
    case 'local': return (await import('../environments/local/index.ts')).reapDeadRuns(say)
    case 'simulated': return
    default: return unreachable(kind)
  }
}
