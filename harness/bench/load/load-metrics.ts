import type { MemberUsage } from '../../environments/environment.ts'
import type { MetricSample } from './case-samples.ts'
import type { LoadOutcome, PacedLatency } from './load-job.ts'

/** What a member had used before a run, and after it. */
export interface UsageSpan {
  readonly member: string
  readonly before: MemberUsage
  readonly after: MemberUsage
}

export function throughputSamples({ ok, seconds }: LoadOutcome): MetricSample[] {
  return [{ metric: 'throughput', unit: '/s', better: 'higher', value: round(ok / seconds) }]
}

/**
 * By role, as leaders differ between clusters: the leader, then followers in
 * the order of their names. @param wallS between the two looks at what they have used
 */
export function usageSamples(spans: readonly UsageSpan[], leader: string, wallS: number, { ok, seconds, cpuMs: generatorMs }: LoadOutcome): MetricSample[] {
  const followers = spans.filter(({ member }) => member !== leader)
  const roles = [...spans.filter(({ member }) => member === leader).map((span) => ({ role: 'the leader', span })), ...followers.map((span, at) => ({ role: `follower ${at + 1}`, span }))]
    .map(({ role, span: { before, after } }) => ({ role, cpuMs: after.cpuMs - before.cpuMs, residentBytes: after.residentBytes }))
  return [
    ...roles.map(({ role, cpuMs }): MetricSample => ({ metric: `cpu of ${role} per 1,000 operations`, unit: 'ms', better: 'lower', value: round(cpuMs / ok * 1000) })),
    ...roles.map(({ role, residentBytes }): MetricSample => ({ metric: `memory of ${role}`, unit: 'MiB', better: 'lower', value: round(residentBytes / 1024 ** 2) })),
    ...roles.map(({ role, cpuMs }): MetricSample => ({ metric: `cpu of ${role}`, unit: '% of a core', better: null, value: round(cpuMs / (wallS * 10)) })),
    { metric: 'cpu of the load generator', unit: '% of a core', better: null, value: round(generatorMs / (seconds * 10)) },
  ]
}

/** @param pace `50 % load` or `500/s` */
export function latencySamples({ requests, corrected, uncorrected, lateness }: PacedLatency, pace: string, ratePerS: number): MetricSample[] {
  const names = { p50: 'p50', p90: 'p90', p99: 'p99', p999: 'p99.9', max: 'max' } as const
  return [
    ...Object.entries(names).map(([key, name]): MetricSample => ({ metric: `latency ${name} at ${pace}`, unit: 'ms', better: 'lower', value: round(corrected[key as keyof typeof names]) })),
    { metric: `latency p99 at ${pace}, uncorrected`, unit: 'ms', better: null, value: round(uncorrected.p99) },
    { metric: `requests behind the percentiles at ${pace}`, unit: 'requests', better: null, value: requests },
    { metric: `rate at ${pace}`, unit: '/s', better: null, value: round(ratePerS) },
    ...lateness === null ? [] : [{ metric: `lateness of the sender p99 at ${pace}`, unit: 'ms', better: null, value: round(lateness.p99) } as const],
  ]
}

/** A process that makes load with one thread can do no more from about here on. */
export function generatorIsLimit({ cpuMs, seconds }: LoadOutcome): boolean {
  return cpuMs > seconds * 1000 * 0.9
}

/** What of a run failed, as half a sentence; null where all went well. */
export function describeFailures({ ok, non2xx, errors, latency }: LoadOutcome): string | null {
  const all = ok + non2xx + errors
  const parts = [
    ...non2xx === 0 ? [] : [`${non2xx} were answered with another status than 2xx`],
    ...errors === 0 ? [] : [`${errors} broke off or were not answered in time`],
    ...latency === null || latency.neverSent === 0 ? [] : [`${latency.neverSent} of these were never sent, as their connections still waited`],
  ]
  return parts.length === 0 ? all === 0 ? 'nothing was answered' : null : `of ${all} requests ${parts.join(', ')}`
}

const round = (value: number) => Number(value.toPrecision(6))
