import type { Mutant } from './mutant.ts'

/**
 * Bugs that one family of faults alone can show: each is caught with that fault
 * on, and not by the same run without it. They keep the families honest: a
 * fault that nothing can be seen by need not be made.
 */

/** Reads by lease, by so many workers that some still ask a leader whose writes hang. */
const leaseReads = ['--consistency', 'default', '--concurrency', '8n', '--operation-timeout', '400', '--keys', '4']

/** For `--faults`. */
const script = (faults: readonly object[]) => ['--faults', JSON.stringify({ faults })]

const members = ['n1', 'n2', 'n3'] as const
const repeat = <T>(count: number, make: (i: number) => readonly T[]): readonly T[] => Array.from({ length: count }, (_, i) => make(i)).flat()

/** The leader's wall clock jumps back just before it is cut off from the others. */
const leaderCutOff = (i: number) => ({ at: 1.52 + 3 * i, for: 1.8, fault: 'partition', target: 'isolate-leader' })
const leaderJumpsBack = (i: number) => ({ at: 1.5 + 3 * i, for: 1.6, fault: 'clock', target: 'leader', value: { skew: { kind: 'jump', offsetMs: -2500 }, clocks: 'wall' } })

/** One member after the other stands still, and is cut off when it goes on. */
const oneCutOff = (i: number) => ({ at: 2.8 + 5.5 * i, for: 3.5, fault: 'partition', target: members[i % 3]! })
const onePaused = (i: number) => ({ at: 2 + 5.5 * i, for: 3, fault: 'pause', target: members[i % 3]! })

/** An election timeout shorter than the pauses, and a lease that outlasts a step or two of the harness. */
const longLease = ['--member-config', JSON.stringify({ raft: { election_timeout_ms: 1000, lease_ms: 700, heartbeat_interval_ms: 150 } })]

const drifting = (member: string, rate: number) => ({ at: 0, fault: 'clock', value: { members: [member], skew: { kind: 'drift', rate }, clocks: 'all' } })

/** Slow disks gather many entries in a batch, of which a power cut leaves some sectors. */
const powerCuts = (how: 'power' | 'torn-power') => [
  { at: 0, fault: 'disk', value: { members, trouble: { kind: 'slow', syncMs: 60 } } },
  ...repeat(26, (i) => [{ at: 2 + 2 * i, for: 0.4, fault: 'power', target: i % 2 === 0 ? 'all' : 'leader', value: { how } }]),
]

/**
 * What the leader says to n3 takes nine seconds, and so does a snapshot that n3
 * needs by then; the leader gives that connection up, and n3 is level again
 * over the next one when the old snapshot arrives. Meanwhile the leader and n3
 * alone have what is acknowledged, and then the leader is cut off.
 */
const snapshotCycleS = 19
const snapshotLate = (i: number) => ({
  at: 1 + snapshotCycleS * i, for: 4.6, fault: 'delay',
  value: { links: ['n1>n3', 'n2>n3'], traffic: 'raft', disturbance: { kind: 'delay', delayMs: 9000, jitterMs: 0, distribution: 'uniform' } },
})
const leftToTwo = (i: number) => [
  { at: 7.6 + snapshotCycleS * i, for: 6.6, fault: 'partition', target: members[i % 2]! },
  { at: 14.1 + snapshotCycleS * i, for: 3, fault: 'partition', target: 'isolate-leader' },
]
/** Snapshots that come often, keep little behind them, and fit into one message; few appends wait for their answers. */
const smallLog = ['--member-config', JSON.stringify({ raft_snapshot_threshold: 48, raft_trailing_logs: 16, raft: { snapshot_chunk_bytes: 1_000_000, inflight_appends_max: 8 } })]

/**
 * The leader of four is removed, and comes back without a vote. It gets none as
 * long as the cluster is halved again and again: in one time of three the new
 * leader has it, and nobody else, on its side.
 */
const leaderRemoved = { at: 1, fault: 'membership', value: { kind: 'remove-leader' } }
const halved = repeat(18, (i) => [{ at: 3 + 2 * i, for: 1.4, fault: 'partition', target: 'halves' }])
const fourMembers = ['--members', '4', '--concurrency', '8n', '--operation-timeout', '400', '--time-limit', '42']

/** Wall clocks of all, forward by more than any session lives without a renewal. */
const wallJumps = repeat(6, (i) => [{ at: 6 + 8 * i, for: 4, fault: 'clock', target: 'all', value: { members, skew: { kind: 'jump', offsetMs: 40_000 }, clocks: 'wall' } }])
const lockRun = ['--workload', 'lock', '--nemesis', 'none', '--rate', '40', '--time-limit', '52']

/** One member cut off from the others, after peace for long enough that the checker takes it for one. */
const gossipCutOff = (traffic: 'gossip' | 'all') => ['--workload', 'membership', '--rate', '15', '--time-limit', '45', ...script([{ at: 15, for: 25, fault: 'partition', value: { target: 'isolate-leader', traffic } }])]

const schedulerOfDriver = 'name, id, scheduler, log, core: this.#core'
const checksumTest = "if (checksum(file, start, end, place) !== file.readUInt32LE(start)) return bad('the checksum does not match')"

export const faultBugs: readonly Mutant[] = [
  {
    name: 'any-message-keeps-leading',
    about: 'a leader takes whatever it hears for a sign that it is still followed, and does not look at the term: one that the others hear no more goes on leading (one-way partition)',
    edits: [{
      file: 'node/raft/core.ts',
      find: 'if (message.to !== state.id) return',
      replace: `if (message.to !== state.id) return
    if (state.role.kind === 'leader') {
      stepHeartbeatResponse(state, state.role, { from: message.from, round: state.role.rounds.latest })
      if (message.term > state.term) return
    }`,
    }],
    runs: {
      simulated: ['--nemesis', 'partition', '--targets', 'one-way-out', '--interval', '1', '--time-limit', '40', ...leaseReads],
      withoutFault: ['--nemesis', 'partition', '--targets', 'isolate-leader,halves', '--interval', '1', '--time-limit', '40', ...leaseReads],
      local: null,
    },
  },
  {
    name: 'lease-by-wall-clock',
    about: 'Raft goes by the wall clock: where that jumps back, a leader that was replaced takes its lease for a current one (clock jump back)',
    edits: [{
      file: 'node/registry-node.ts',
      find: schedulerOfDriver,
      replace: 'name, id, scheduler: { nowMs: () => scheduler.wallMs(), wallMs: () => scheduler.wallMs(), after: (delayMs, task) => scheduler.after(delayMs, task) }, log, core: this.#core',
    }],
    runs: {
      simulated: [...script(repeat(12, (i) => [leaderJumpsBack(i), leaderCutOff(i)])), '--time-limit', '38', ...leaseReads],
      withoutFault: [...script(repeat(12, (i) => [leaderCutOff(i)])), '--time-limit', '38', ...leaseReads],
      local: null,
    },
  },
  {
    name: 'lease-without-margin',
    about: 'the lease is as long as the wait before an election, with no margin for clocks that run at different rates (drift)',
    edits: [
      { file: 'node/raft/config.ts', find: 'const clockRateMargin = 4 / 3', replace: 'const clockRateMargin = 1' },
      { file: 'node/raft/config.ts', find: 'leaseMs: 120,', replace: 'leaseMs: 400,' },
    ],
    runs: {
      simulated: [...script([drifting('n1', 0.55), drifting('n2', 0.75)]), '--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--time-limit', '40', ...leaseReads],
      withoutFault: ['--nemesis', 'partition', '--targets', 'isolate-leader', '--interval', '1', '--time-limit', '40', ...leaseReads],
      local: null,
    },
  },
  {
    name: 'clock-stops-in-pause',
    about: 'the clock that Raft goes by does not count the time in which the process stood still: a leader goes on with a lease that is long over (pause)',
    edits: [{
      file: 'node/registry-node.ts',
      find: schedulerOfDriver,
      // Longer than any member waits for anything: only a pause makes such a gap.
      replace: `name, id, scheduler: (() => {
        let lastMs = scheduler.nowMs()
        let lostMs = 0
        return {
          nowMs() {
            const nowMs = scheduler.nowMs()
            if (nowMs - lastMs > 2200) lostMs += nowMs - lastMs
            lastMs = nowMs
            return nowMs - lostMs
          },
          wallMs: () => scheduler.wallMs(), after: (delayMs, task) => scheduler.after(delayMs, task),
        }
      })(), log, core: this.#core`,
    }],
    runs: {
      simulated: [...script(repeat(12, (i) => [onePaused(i), oneCutOff(i)])), '--time-limit', '70', ...longLease, ...leaseReads],
      withoutFault: [...script(repeat(12, (i) => [oneCutOff(i)])), '--time-limit', '70', ...longLease, ...leaseReads],
      local: null,
    },
  },
  {
    name: 'gossip-believes-raft',
    about: 'whoever was just heard by Raft is not called failed, whatever gossip says: a member whose gossip alone is cut off is never given up (gossip-only partition)',
    edits: [
      {
        file: 'node/registry-node.ts',
        find: "case 'raft': return this.#driver.step(envelope.message)",
        replace: `case 'raft':
        (globalThis.heardByRaft ??= new Map()).set(this.#options.id + envelope.message.from, this.#options.scheduler.nowMs())
        return this.#driver.step(envelope.message)`,
      },
      {
        file: 'node/gossip/membership.ts',
        find: 'const itself = claim.from === claim.name',
        replace: `const itself = claim.from === claim.name
    if (this.#context.nowMs() - (globalThis.heardByRaft?.get(members.self.tags.id + member.tags.id) ?? -Infinity) < 1000) return`,
      },
    ],
    runs: {
      simulated: gossipCutOff('gossip'),
      withoutFault: gossipCutOff('all'),
      local: null,
    },
  },
  {
    name: 'torn-batch-kept',
    about: 'what a crash left of a batch is taken for written, as far as it goes, and no checksum of the log is looked at (torn write)',
    edits: [
      { file: 'node/storage/record.ts', find: checksumTest, replace: '' },
      {
        file: 'node/storage/segment.ts',
        find: 'if (!decoded.lastOfBatch) continue',
        replace: `if (!decoded.lastOfBatch) {
      records.push(open.pop())
      validBytes = offset
      continue
    }`,
      },
    ],
    runs: {
      simulated: [...script(powerCuts('torn-power')), '--rate', '800', '--concurrency', '30n', '--time-limit', '55'],
      withoutFault: [...script(powerCuts('power')), '--rate', '800', '--concurrency', '30n', '--time-limit', '55'],
      local: null,
    },
  },
  {
    name: 'snapshot-over-newer-log',
    about: 'a follower installs whatever snapshot its leader sends, though its log has gone beyond it: one that was long under way takes back what was acknowledged since (delay)',
    edits: [
      {
        file: 'node/raft/install-snapshot.ts',
        find: 'if (image.lastIndex <= state.commitIndex || state.log.termAt(image.lastIndex) === image.lastTerm) {',
        replace: 'if (image.lastIndex === state.commitIndex) {',
      },
      {
        file: 'node/raft/install-snapshot.ts',
        find: 'if (lastIndex <= state.commitIndex || state.log.termAt(lastIndex) === lastTerm) return false',
        replace: '',
      },
      { file: 'node/driver/raft-driver.ts', find: 'invariant(lastIndex > this.#appliedIndex,', replace: 'invariant(lastIndex >= 0,' },
      // Else the member finds out at the next heartbeat, and ends.
      {
        file: 'node/raft/member-state.ts',
        find: 'if (index <= this.commitIndex) return',
        replace: `index = Math.min(index, this.log.lastIndex)
    if (index <= this.commitIndex) return`,
      },
    ],
    runs: {
      simulated: [...script(repeat(4, (i) => [snapshotLate(i), ...leftToTwo(i)])), '--time-limit', '77', ...smallLog],
      withoutFault: [...script(repeat(4, leftToTwo)), '--time-limit', '77', ...smallLog],
      local: null,
    },
  },
  {
    name: 'removed-voter-counts',
    about: 'who was a voter once still counts for a quorum of those who are: what a leader and a removed server alone have is called committed (membership change)',
    edits: [
      {
        file: 'node/raft/configuration.ts',
        find: 'isVoter(id',
        replace: `wasVoter(id) {
    return this.#steps.some(({ configuration }) => configuration.voters.some((voter) => voter.id === id))
  }

  isVoter(id`,
      },
      {
        file: 'node/raft/replication.ts',
        find: 'if (follower.isVoter) matchIndexes.push(follower.matchIndex)',
        replace: 'if (state.configurations.wasVoter(follower.id)) matchIndexes.push(follower.matchIndex)',
      },
      {
        file: 'node/raft/replication.ts',
        find: 'const quorumIndex = quorumValue(matchIndexes)',
        replace: 'const quorumIndex = matchIndexes.sort((a, b) => b - a)[Math.floor(state.voters.length / 2)]',
      },
    ],
    runs: {
      simulated: [...script([leaderRemoved, ...halved]), ...fourMembers],
      withoutFault: [...script(halved), ...fourMembers],
      local: null,
    },
  },
  {
    name: 'checksum-of-tail-only',
    about: 'only the end of the log is held against its checksums when it is read: what became of the rest on the disk is believed (bit flip)',
    edits: [{ file: 'node/storage/record.ts', find: checksumTest, replace: checksumTest.replace('if (', 'if (file.length - end < 4096 && ') }],
    runs: {
      simulated: ['--nemesis', 'damage', '--time-limit', '120', '--interval', '1.5'],
      withoutFault: ['--nemesis', 'kill,power', '--time-limit', '60'],
      local: null,
    },
  },
  {
    name: 'ttl-by-wall-clock',
    about: 'the time to live of sessions goes by the wall clock: where that jumps forward, sessions end that were renewed a moment ago (clock jump forward)',
    edits: [
      { file: 'node/driver/session-timers.ts', find: 'const dueMs = this.#ports.scheduler.nowMs() + afterMs', replace: 'const dueMs = this.#ports.scheduler.wallMs() + afterMs' },
      { file: 'node/driver/session-timers.ts', find: 'const leftMs = timer.dueMs - this.#ports.scheduler.nowMs()', replace: 'const leftMs = timer.dueMs - this.#ports.scheduler.wallMs()' },
      { file: 'node/driver/session-timers.ts', find: 'return this.#ports.scheduler.after(afterMs, () => {', replace: 'return this.#ports.scheduler.after(Math.min(afterMs, 1000), () => {' },
    ],
    runs: {
      simulated: [...lockRun, ...script(wallJumps)],
      withoutFault: lockRun,
      local: null,
    },
  },
]
