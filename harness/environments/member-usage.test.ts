import t from 'tap'
import { usageOf } from './docker/member-usage.ts'
import { parseUsage, processUsage, tellsUsage } from './local/process-usage.ts'

t.test('/proc: CPU time of user and system, resident memory; a name with brackets and spaces', async (t) => {
  const stat = '7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 3 4 20 0 11 0 100 1 2 3'
  t.same(parseUsage(stat, 'Name:\ta\nVmRSS:\t    4096 kB\nRssAnon:\t    2048 kB\n'), { cpuMs: 3000, residentBytes: 2 * 1024 ** 2 })
  t.throws(() => parseUsage('7 (a) Z', ''), /No CPU time/)
})

t.test('/proc of this process', { skip: tellsUsage ? false : 'this system has no /proc' }, async (t) => {
  const before = processUsage(process.pid)
  const usedMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000
  const endMs = usedMs() + 200
  while (usedMs() < endMs) Math.sqrt(2)
  const after = processUsage(process.pid)
  t.ok(after.cpuMs - before.cpuMs >= 180, `${after.cpuMs - before.cpuMs} ms were counted of 200`)
  t.ok(Math.abs(after.cpuMs - usedMs()) < 1000, 'from the start of the process on')
  t.ok(after.residentBytes > 10 * 1024 ** 2 && after.residentBytes < 100 * 1024 ** 3)
})

t.test('both versions of cgroups; a container that does not run', async (t) => {
  const cpu = { cpu_usage: { total_usage: 2_500_000_000 } }
  t.same(usageOf({ cpu_stats: cpu, memory_stats: { stats: { anon: 7, file: 9 } } }), { cpuMs: 2500, residentBytes: 7 })
  t.same(usageOf({ cpu_stats: cpu, memory_stats: { stats: { rss: 5, total_rss: 6, cache: 9 } } }), { cpuMs: 2500, residentBytes: 6 })
  t.throws(() => usageOf({ cpu_stats: { cpu_usage: { total_usage: 0 } }, memory_stats: {} }), /does not tell/)
})
