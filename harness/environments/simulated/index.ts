export { createSimulatedGossip } from './gossip-cluster.ts'
export { createSimulatedEnvironment } from './simulated-environment.ts'
