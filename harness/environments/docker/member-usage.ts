import type { MemberUsage } from '../environment.ts'

/** The part of the engine's statistics of a container that is used (Docker Engine API, `/containers/{id}/stats`). */
export interface ContainerStats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } }
  readonly memory_stats?: { readonly stats?: Readonly<Record<string, number>> }
}

/** What its cgroup counted. Resident memory that no file backs is `anon` in version 2 of cgroups, `rss` in version 1. */
export function usageOf({ cpu_stats: cpu, memory_stats: memory }: ContainerStats): MemberUsage {
  const cpuNs = cpu?.cpu_usage?.total_usage
  const residentBytes = memory?.stats?.['anon'] ?? memory?.stats?.['total_rss'] ?? memory?.stats?.['rss']
  // The engine answers with zeroes for a container that does not run.
  if (!cpuNs || residentBytes === undefined) throw new Error('The engine does not tell what the container uses: it does not run, or its cgroup is not counted')
  return { cpuMs: cpuNs / 1e6, residentBytes }
}
