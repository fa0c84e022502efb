/**
 * Cores under random faults against the oracle. A failure names its seed:
 * `RAFT_SIMULATION_SEED=17 tap run node/raft/simulation.test.ts` runs that one,
 * `RAFT_SIMULATION_SEEDS=5000` runs more of them.
 */
import t from 'tap'
import { SimulatedCluster } from './testing/simulated-cluster.ts'

const only = process.env.RAFT_SIMULATION_SEED
const firstSeed = only === undefined ? 1 : Number(only)
const seedCount = only === undefined ? Number(process.env.RAFT_SIMULATION_SEEDS ?? 1000) : 1

t.test(`safety under faults and recovery after them, ${seedCount} seeds`, { timeout: 0 }, async (t) => {
  let committed = 0
  let reads = 0
  let installed = 0
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed++) {
    const cluster = new SimulatedCluster(seed, seed % 2 === 0 ? 3 : 5)
    try {
      cluster.runBadly(1500)
      const pending = cluster.recover(4000)
      if (pending !== null) throw new Error(`no recovery: ${pending}`)
    } catch (error) {
      t.comment(`seed ${seed} at ${cluster.events.nowMs.toFixed(1)} ms`)
      throw error
    }
    committed += cluster.oracle.committedIndex
    reads += cluster.oracle.confirmedReads
    for (const member of cluster.members) {
      installed += member.installed
      cluster.oracle.restored(member.id, member.state.index, member.state.hash)
    }
  }
  t.comment(`${committed} entries committed, ${reads} reads confirmed, ${installed} snapshots installed from a leader`)
  if (only === undefined) {
    t.ok(committed > seedCount * 50, `the faults left room for ${committed} commits`)
    t.ok(installed > seedCount / 4, `${installed} followers needed a snapshot`)
    t.ok(reads > seedCount * 20, `and ${reads} reads`)
  }
})
