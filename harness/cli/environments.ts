import { unreachable } from '../../node/base/assert.ts'
import type { Environment, EnvironmentKind, EnvironmentOptions } from '../environments/environment.ts'

/** Each is loaded only where it is wanted: one environment's dependencies must not slow or break another. */
export async function createEnvironment(kind: EnvironmentKind, options: EnvironmentOptions): Promise<Environment> {
  switch (kind) {
    case 'docker': return (await import('../environments/docker/index.ts')).createDockerEnvironment(options)
    case 'local': return (await import('../environments/local/index.ts')).createLocalEnvironment(options)
    case 'simulated': return (await import('../environments/simulated/index.ts')).createSimulatedEnvironment(options)
    default: return unreachable(kind)
  }
}

/** Clears away what runs of this environment left that did not end themselves (kill -9, a power cut). */
export async function reapDeadRuns(kind: EnvironmentKind, say: (line: string) => void): Promise<void> {
  switch (kind) {
    case 'docker': return (await import('../environments/docker/index.ts')).reapDeadRuns(say)
    case 'local': return (await import('../environments/local/index.ts')).reapDeadRuns(say)
    case 'simulated': return
    default: return unreachable(kind)
  }
}
