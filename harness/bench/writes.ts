/**
 * `npm run bench:writes -- [docker|local] [seconds]`: PUT/s against the leader
 * of 3 members at 1, 64 and 256 connections, 3 rounds in alternation, after a
 * warm-up. The load generator and all members share this machine.
 */
import autocannon from 'autocannon'
import { leaderOf, quantile, startCluster, type BenchEnvironment } from './cluster.ts'

const kind = (process.argv[2] ?? 'docker') as BenchEnvironment
const seconds = Number(process.argv[3] ?? 5)
const connectionCounts = [1, 64, 256]
const rounds = 3

await using environment = await startCluster(kind, 3)
const leader = await leaderOf(environment, 10_000)
const url = environment.httpAddress!(leader)

// 200 different values over 20 keys (each connection keeps its own copy of all requests), so that hardly a write repeats what is stored.
const requests = Array.from({ length: 200 }, (_, i) => ({
  method: 'PUT' as const, path: `/v1/kv/bench/${i % 20}`, body: `value-${String(i).padStart(58, '0')}`,
}))
const load = (connections: number, duration: number) => autocannon({ url, connections, duration, requests, timeout: 10 })

await load(64, 3)
const rates = new Map<number, number[]>(connectionCounts.map((count) => [count, []]))
const latencies = new Map<number, string>()
for (let round = 0; round < rounds; round++) {
  for (const count of connectionCounts) {
    const result = await load(count, seconds)
    if (result.non2xx + result.errors + result.timeouts > 0) console.error(`${count} connections: ${result.non2xx} non-2xx, ${result.errors} errors, ${result.timeouts} timeouts`)
    rates.get(count)!.push(result['2xx'] / result.duration)
    latencies.set(count, `p50 ${result.latency.p50} ms, p99 ${result.latency.p99} ms`)
  }
}
console.log(`PUT/s, 64 B values, 3 members, ${kind}, at the leader (${rounds} rounds of ${seconds} s):`)
for (const [count, values] of rates) {
  console.log(`${String(count).padStart(4)} connections: median ${Math.round(quantile(values, 0.5))}/s (${values.map((value) => Math.round(value)).join(', ')}), last round ${latencies.get(count)}`)
}
