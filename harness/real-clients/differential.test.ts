/** The same requests to a real Consul and to a member of ours: every difference is on a list, with its reason. */
import t from 'tap'
import { consulProgram, debianProgram } from './debian-program.ts'
import { dialectScripts } from './dialect/index.ts'
import { judge } from './dialect/known.ts'
import { compareScript, type StepComparison } from './dialect/run-scripts.ts'
import { knownDifferences } from './known-differences.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, startConsul, startSplitbrain } from './servers.ts'

const program = await debianProgram(consulProgram)
const skip = program.kind === 'missing' ? program.reason
  : process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`
/** The same on both sides, like the name. */
const identity = { node: 'n1', nodeId: '22222222-2222-3333-4444-555555555555' }

t.test('scripts of requests', { skip, timeout: 540_000 }, async (t) => {
  if (program.kind === 'missing') return
  const all: StepComparison[] = []
  const left = [...dialectScripts.entries()]
  const [realHosts, ourHosts] = [await loopbackHosts(left.length), await loopbackHosts(left.length)]
  /** Most of the time servers are waited for: several scripts at once, each with its own. */
  const lane = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [i, script] = next
      await using servers = new AsyncDisposableStack()
      const [real, ours] = await startBoth(servers, program.path, realHosts[i]!, ourHosts[i]!)
      const comparisons = await compareScript(script, real, ours)
      all.push(...comparisons)
      t.equal(comparisons.length, script.steps.length)
      t.same(judge(comparisons, knownDifferences).unexpected, [], script.name)
    }
  }
  await Promise.all(Array.from({ length: 3 }, lane))
  t.ok(all.length > 500, `${all.length} requests`)
  t.same(judge(all, knownDifferences).outdated, [], 'what is known to differ does differ')
})

async function startBoth(servers: AsyncDisposableStack, path: string, realHost: string, ourHost: string): Promise<[real: AgentProcess, ours: AgentProcess]> {
  const started = await Promise.allSettled([
    startConsul(path, { host: realHost, ...identity }),
    startSplitbrain({ host: ourHost, ...identity }),
  ])
  // First both are in good hands, then one of them may be missing.
  for (const one of started) if (one.status === 'fulfilled') servers.use(one.value)
  const [real, ours] = started.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
  return [real!, ours!]
}
