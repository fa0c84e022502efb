/**
 * `npm run bench:failover -- [docker|local] [kills]`: from the death of the
 * leader (kill -9) to the next acknowledged write, over many kills.
 *
 * A sequential writer at the leader runs until it fails: its last
 * acknowledgement marks the death, to within one write. The end is the first
 * acknowledged write, at any survivor, among those begun after that failure.
 */
import type { Environment } from '../environments/environment.ts'
import { leaderOf, quantile, startCluster, type BenchEnvironment } from './cluster.ts'

const kind = (process.argv[2] ?? 'docker') as BenchEnvironment
const kills = Number(process.argv[3] ?? 20)

await using environment = await startCluster(kind, 3)
const failoverMs: number[] = []
for (let i = 0; i < kills; i++) {
  const leader = await leaderOf(environment, 30_000)
  failoverMs.push(await failover(environment, leader, i))
  await environment.kill!.restart(leader)
  console.error(`kill ${i + 1}/${kills}: ${leader}, ${failoverMs.at(-1)!.toFixed(0)} ms`)
}
console.log(`leader killed -9 to next acknowledged write, 3 members, ${kind}, ${kills} kills: median ${quantile(failoverMs, 0.5).toFixed(0)} ms, p99 ${quantile(failoverMs, 0.99).toFixed(0)} ms, min ${quantile(failoverMs, 0).toFixed(0)} ms, max ${quantile(failoverMs, 1).toFixed(0)} ms`)

async function failover(environment: Environment, leader: string, round: number): Promise<number> {
  const put = async (member: string, value: string) => {
    const outcome = await environment.request(member, { method: 'PUT', target: `/v1/kv/failover/${member}`, body: value }, 10_000)
    return outcome.kind === 'response' && outcome.status === 200
  }
  // Connections to the survivors are open before the leader dies.
  const survivors = environment.members.filter((member) => member !== leader)
  await Promise.all(survivors.map((member) => put(member, `warm ${round}`)))
  let lastAckNs = environment.clock.nowNs()
  const killed = environment.kill!.kill(leader)
  for (let n = 0; await put(leader, `${round}-${n}`); n++) lastAckNs = environment.clock.nowNs()
  const firstAckNs = await Promise.any(survivors.map(async (member) => {
    const deadlineNs = environment.clock.nowNs() + 30e9
    while (environment.clock.nowNs() < deadlineNs) {
      if (await put(member, `after ${round}`)) return environment.clock.nowNs()
      await environment.clock.sleep(5)
    }
    throw new Error(`${member} acknowledged no write within 30 s of the leader's death`)
  }))
  await killed
  return (firstAckNs - lastAckNs) / 1e6
}
