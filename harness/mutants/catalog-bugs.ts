import type { Mutant } from './mutant.ts'

/** Bugs between an agent's services and what everybody reads of them. */

const registration = ['--workload', 'registration', '--rate', '60']
const inPeace = [...registration, '--nemesis', 'none', '--time-limit', '20']
/** Longer than a push is tried for. */
const longPartitions = [...registration, '--nemesis', 'partition', '--targets', 'isolate-one,isolate-leader', '--interval', '12', '--time-limit', '60']
const restarts = [...registration, '--nemesis', 'kill', '--targets', 'one', '--interval', '3', '--time-limit', '30']

export const catalogBugs: readonly Mutant[] = [
  {
    name: 'deregistration-not-kept',
    about: 'a deregistered service goes from memory and stays on the agent\'s disk: after a restart anti-entropy brings it back',
    edits: [{ file: 'node/local/local-agent.ts', find: 'this.#store.removeService(id)', replace: '' }],
    runs: { simulated: restarts, local: restarts },
  },
  {
    name: 'failed-push-forgotten',
    about: 'a push to the catalog that fails is the agent\'s last: what was acknowledged meanwhile, and later, nobody ever reads',
    edits: [{
      file: 'node/local/anti-entropy.ts',
      find: 'if (!succeeded) return this.#trigger(retryMs * (1 + this.#ports.random.fraction()))',
      replace: 'if (!succeeded) this.#stopped = true',
    }],
    runs: { simulated: longPartitions, local: null },
  },
  {
    name: 'ttl-never-critical',
    about: 'a TTL check that is not heard of any more keeps its last state: a dead service passes for ever',
    edits: [{
      file: 'node/local/check-runner.ts',
      find: 'const expire = () => report(checkId, {',
      replace: 'const expire = () => status(checkId) === null && report(checkId, {',
    }],
    runs: { simulated: inPeace, local: inPeace },
  },
  {
    name: 'follower-keeps-removed',
    about: 'a follower answers from what it once read: it shows services that were removed from the catalog',
    edits: [{
      file: 'node/api/health.ts',
      find: '() => catalog.serviceHealth(name), checkedInstanceShape',
      replace: `() => {
      const read = catalog.serviceHealth(name)
      if (context.status().role === 'leader') return read
      const kept = context.keptInstances ??= new Map()
      for (const one of read.value) kept.set(one.service.id, one)
      return { ...read, value: [...kept.values()].filter((one) => one.service.name === name) }
    }, checkedInstanceShape`,
    }],
    runs: { simulated: inPeace, local: inPeace },
  },
  {
    name: 'dns-gives-critical',
    about: 'DNS gives every instance of a service, those whose checks are critical too',
    edits: [{ file: 'node/dns/dns-answer.ts', find: "checks.every(({ status }) => status === 'passing' ||", replace: "checks.every(({ status }) => status !== '' ||" }],
    // No harness reaches the DNS of local members.
    runs: { simulated: inPeace, local: null },
  },
]
