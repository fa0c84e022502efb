/** Members as containers. */
export { dockerCapabilities, type DockerCapabilities, type FeatureState, type KernelFeature } from './capabilities.ts'
export { createDockerEnvironment } from './docker-environment.ts'
export { dockerAvailability, type DockerAvailability } from './engine.ts'
export { reapDeadRuns } from './reap.ts'
