/** What `compare --members` measures of each member count; under faults, of each fault. */
export const membersMetrics = {
  throughput: { metric: 'throughput of writes', unit: '/s', better: 'higher' },
  latencyP50: { metric: 'latency of writes, median', unit: 'ms', better: 'lower' },
  latencyP99: { metric: 'latency of writes, p99', unit: 'ms', better: 'lower' },
  newLeader: { metric: 'time to a new leader', unit: 'ms', better: 'lower' },
  firstAck: { metric: 'time to the first acknowledged write', unit: 'ms', better: 'lower' },
  writesByLargest: { metric: 'writes acknowledged by the largest group', unit: '%', better: 'higher' },
  writesByAll: { metric: 'writes acknowledged by all members', unit: '%', better: 'higher' },
  readsByLargest: { metric: 'reads answered by the largest group', unit: '%', better: 'higher' },
  readsByAll: { metric: 'reads answered by all members', unit: '%', better: 'higher' },
  /** Of the second half of the fault: after an election, if one could be won. */
  writesSettled: { metric: 'writes acknowledged by the largest group, second half', unit: '%', better: 'higher' },
  withoutAck: { metric: 'longest time without an acknowledged write', unit: 'ms', better: 'lower' },
} as const satisfies Record<string, { readonly metric: string, readonly unit: string, readonly better: 'higher' | 'lower' }>

export type MembersMetric = keyof typeof membersMetrics
