import { unreachable } from '../node/base/assert.ts'
import { checkFailureDetection, type DetectionSlack } from '../harness/checkers/failure-detection.ts'
import { convergenceBoundMs, gossipTimings } from '../harness/checkers/swim-bounds.ts'
import type { CheckResult } from '../harness/checkers/verdict.ts'
import type { EnvironmentKind } from '../harness/environments/environment.ts'
import type { HistoryEvent } from '../harness/history/event.ts'
import type { RunPlan } from '../harness/plan/plan.ts'
import type { MembersClient } from './ports/members.ts'
import { port, type Operation, type OperationOutcome, type RunFacts, type SystemClient, type Workload, type WorkScope } from './workload.ts'

/**
 * Every member is asked again and again whom it holds for alive. The polls are
 * all there is: what gossip owes, and when, follows from its configuration and
 * from the faults of the run. Nothing is written.
 */
export const membership: Workload = {
  name: 'membership',
  about: 'every member\'s view of the others, polled; gossip must give up who is silent, nobody who is not, and agree again after healing',
  needs: ['members'],
  defaults: {
    nemesis: ['kill', 'pause', 'partition'], atOnce: 1, interval: 14, timeLimit: 120, rate: 30, concurrency: '1n', operationTimeout: 1000,
    // Twice as quick as Consul's default, so that a fault of some seconds is one that has to be detected.
    memberConfig: { gossip_lan: { probe_interval: '500ms', probe_timeout: '200ms', gossip_interval: '100ms' } },
  },
  missing: ({ cutLinks, members, kind }) => members.length < 2 ? 'one member alone has nobody to watch'
    : cutLinks?.traffics?.includes('gossip') === true ? null : `members do not gossip in environment ${kind}`,
  operations: () => () => ({ f: 'view', value: null }),
  // Each member until it shows all alive, or until it must have.
  finalOperations: (plan) => [{ f: 'settle', value: { untilMs: settleMs(plan) } }, { f: 'view', value: null }],
  perform,
  check: checkMembership,
}

/** Between two looks of `settle`: a share of what was waited for, so that long waits cost little. */
const lookMs = 200
const lookMsMax = 2000
const lookShare = 0.1

/**
 * In virtual time the protocol is carried out as it stands, and its bounds hold
 * as they are. Elsewhere a member's timers are late by what the machine makes
 * of them, its probes are lost to a full socket, and its answers come when it
 * gets a CPU: twice the time and two seconds more for whatever is to happen;
 * and who let a client wait for longer than a probe has time to stood still.
 */
function slackOf(env: EnvironmentKind, probeTimeoutMs: number): DetectionSlack {
  return env === 'simulated' ? { factor: 1, addMs: 0, stallMs: null } : { factor: 2, addMs: 2000, stallMs: probeTimeoutMs }
}

/** Longer than the checker gives the cluster, so that a look after the bound is there. */
function settleMs(plan: RunPlan): number {
  const timings = gossipTimings(plan.memberConfig)
  const { factor, addMs } = slackOf(plan.env, timings.probeTimeoutMs)
  return convergenceBoundMs(timings, plan.members + sparesMax) * factor + addMs + lookMsMax
}

/** Faults of membership may bring in so many more. */
const sparesMax = 2

async function perform(operation: Operation, client: SystemClient, scope: WorkScope): Promise<OperationOutcome> {
  const members = port(client, 'members')
  switch (operation.f) {
    case 'view': {
      const seen = await look(members)
      return seen.type === 'ok' ? { type: 'ok', value: seen.view } : seen
    }
    case 'settle': return settle(members, (operation.value as { untilMs: number }).untilMs, scope)
    default: throw new Error(`membership knows no operation ${operation.f}`)
  }
}

async function look(members: MembersClient) {
  const answer = await members.view()
  switch (answer.type) {
    case 'ok': return { type: 'ok', view: Object.fromEntries(answer.members.map(({ name, status }) => [name, status])) } as const
    case 'fail':
    case 'info': return answer
    default: return unreachable(answer)
  }
}

/** The last look is what counts. */
async function settle(members: MembersClient, untilMs: number, { plan, clock }: WorkScope): Promise<OperationOutcome> {
  const startNs = clock.nowNs()
  const untilNs = startNs + untilMs * 1e6
  for (;;) {
    const askedNs = clock.nowNs()
    const seen = await look(members)
    const alive = seen.type === 'ok' ? Object.values(seen.view).filter((status) => status === 'alive').length : 0
    if (alive >= plan.members || clock.nowNs() >= untilNs) return seen.type === 'ok' ? { type: 'ok', value: { askedNs, view: seen.view } } : seen
    await clock.sleep(Math.min(lookMsMax, lookMs + lookShare * (clock.nowNs() - startNs) / 1e6))
  }
}

async function checkMembership(history: readonly HistoryEvent[], plan: RunPlan, { members, faults }: RunFacts): Promise<CheckResult> {
  const timings = gossipTimings(plan.memberConfig)
  const roundTripMs = 2 * plan.latencyMs
  if (roundTripMs >= timings.probeTimeoutMs) {
    return {
      checker: 'failure-detection', verdict: 'unknown', evidence: [], details: { timings, roundTripMs },
      summary: `Nothing can be asked of gossip: a round trip takes ${roundTripMs} ms (--latency ${plan.latencyMs}) and a probe waits ${timings.probeTimeoutMs} ms. Raise gossip_lan.probe_timeout in --member-config.`,
    }
  }
  return checkFailureDetection({ history, members, faults, timings, slack: slackOf(plan.env, timings.probeTimeoutMs) })
}
