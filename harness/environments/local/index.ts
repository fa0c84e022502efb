export { createLocalEnvironment } from './local-environment.ts'
export { reapDeadRuns } from './run-state.ts'
