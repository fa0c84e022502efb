import type { Mutant } from './mutant.ts'

/** Bugs of the failure detector: in its rules, nobody has to see them in keys. */

const script = (...faults: readonly object[]) => ['--workload', 'membership', '--rate', '15', '--faults', JSON.stringify({ faults })]

/** Peace for long enough that the checker takes it for one, then one member down for good. */
const oneDies = [...script({ at: 15, for: 45, fault: 'kill', target: 'n2' }), '--time-limit', '62']
/** One dies while another stands still, who holds it for alive when it goes on. */
const oneDiesUnseen = [...script({ at: 14, for: 20, fault: 'pause', target: 'n3' }, { at: 15, for: 55, fault: 'kill', target: 'n2' }), '--time-limit', '72']
/** Paused for so long that it is given up, it has to say that it lives. */
const onePaused = [...script({ at: 12, for: 12, fault: 'pause', target: 'n2' }), '--time-limit', '30']
const oneLeaves = [...script({ at: 15, for: 15, fault: 'membership', value: { kind: 'leave-rejoin', members: ['n3'] } }), '--time-limit', '40']

export const gossipBugs: readonly Mutant[] = [
  {
    name: 'suspicion-begins-anew',
    about: 'who hears a suspicion again suspects anew, from the beginning: while others confirm it, it never ends',
    edits: [{
      file: 'node/gossip/membership.ts',
      find: 'if (!member.suspicion.confirm(claim.from)) return',
      replace: 'member.suspicion = new Suspicion(config, { from: claim.from, nowMs, members: members.aliveCount })',
    }],
    runs: { simulated: oneDies, local: null },
  },
  {
    name: 'suspicion-never-ends',
    about: 'a suspicion that nobody disputes has no end: a dead member is never called failed',
    edits: [{ file: 'node/gossip/membership.ts', find: 'else timers.at(suspicion.deadlineMs, expire)', replace: '' }],
    runs: { simulated: oneDies, local: null },
  },
  {
    name: 'old-incarnation-refutes',
    about: 'a sign of life of the same incarnation is taken for a refutation: what was said of a member before it died brings it back',
    edits: [{ file: 'node/gossip/membership.ts', find: 'if (claim.incarnation <= member.incarnation && !moved) return', replace: 'if (claim.incarnation < member.incarnation && !moved) return' }],
    runs: { simulated: oneDiesUnseen, local: null },
  },
  {
    name: 'dead-come-back-by-exchange',
    about: 'in an exchange of the full state whoever is not known to have left counts as alive: a dead member comes back with each',
    edits: [{
      file: 'node/gossip/membership.ts',
      find: "if (state === 'alive') return this.alive({ kind: 'alive', name, address, incarnation, tags })",
      replace: "if (state !== 'left') return this.alive({ kind: 'alive', name, address, incarnation: incarnation + (state === 'dead' ? 1 : 0), tags })",
    }],
    runs: { simulated: oneDies, local: null },
  },
  {
    name: 'no-refutation',
    about: 'a member that hears that it is suspected, or dead, does not say that it lives: who was given up once stays so',
    edits: [{ file: 'node/gossip/membership.ts', find: 'this.#raise(incarnation)', replace: '' }],
    runs: { simulated: onePaused, local: null },
  },
  {
    name: 'leave-is-failure',
    about: 'a member that leaves by its own will is called failed by those who hear of it',
    edits: [{ file: 'node/gossip/membership.ts', find: 'const left = itself || member.leaving', replace: 'const left = false' }],
    runs: { simulated: oneLeaves, local: null },
  },
]
