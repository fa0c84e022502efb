export { createSimulatedEnvironment } from './simulated-environment.ts'
