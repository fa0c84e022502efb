/**
 * `npm run bench:simulation -- [members] [simulated seconds] [seed] [rate] [nemesis]`:
 * simulated seconds per second of one core, the register workload under
 * partitions and kills, or under the faults that are named, say `all`. Without
 * the time to judge the history, after a run with another seed that warms up, as
 * in an exploration of many seeds. CPU time is counted, that of the compiler's
 * and the collector's threads too, so that a busy machine tells the same.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../environments/environment.ts'
import { run } from '../run.ts'
import { realHost } from '../runner/host.ts'

const [members = 5, timeLimit = 60, seed = 1, rate = 200] = process.argv.slice(2, 6).map(Number)
const nemesis = (process.argv[6] ?? 'partition,kill').split(',')

const warmUpS = 600

let simulatedS = 0
let cpuS = 0

/** The same environment, with a stop-watch around what it drives. */
function timed(environment: Environment): Environment {
  const drive = environment.run.bind(environment)
  environment.run = async (main) => {
    const started = process.cpuUsage()
    try {
      return await drive(main)
    } finally {
      const { user, system } = process.cpuUsage(started)
      cpuS += (user + system) / 1e6
      simulatedS += environment.clock.nowNs() / 1e9
    }
  }
  return environment
}

const store = mkdtempSync(join(tmpdir(), 'splitbrain-bench-'))
async function measure(runSeed: number, seconds: number) {
  simulatedS = cpuS = 0
  return await run(
    { env: 'simulated', members, timeLimit: seconds, seed: runSeed, rate, nemesis, store, progress: false },
    { say: (line) => console.error(line) },
    { ...realHost, createEnvironment: async (kind, options) => timed(await realHost.createEnvironment(kind, options)) },
  )
}

try {
  await measure(seed! + 1_000_000, warmUpS)
  const outcome = await measure(seed!, timeLimit!)
  const { ok, fail, info } = outcome.counts
  console.log(`${members} members, rate ${rate}, ${nemesis.join(' and ')}, seed ${seed}: ${simulatedS.toFixed(0)} simulated s in ${cpuS.toFixed(2)} CPU s = ${(simulatedS / cpuS).toFixed(1)} simulated s per CPU s; ${ok} ok, ${fail} fail, ${info} info; ${outcome.verdict}`)
  for (const { checker, verdict, summary } of outcome.results) console.log(`  ${checker}: ${verdict}: ${summary}`)
} finally {
  rmSync(store, { recursive: true, force: true })
}
