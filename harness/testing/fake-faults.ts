import type { Effect, Environment } from '../environments/environment.ts'
import type { FakeFaults } from './fake-environment.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What the fake cluster lets its faults do to it. */
export interface FakeCluster {
  readonly time: VirtualTime
  readonly members: readonly string[]
  readonly spares: readonly string[]
  kill(member: string): Promise<void>
  restart(member: string): Promise<void>
  /** A new id, and nothing else. */
  wipe(member: string): void
}

/** What is broken now, a line each, and what was ever done. */
export interface FakeJournal {
  readonly broken: Set<string>
  readonly done: string[]
}

type Capabilities = Omit<Pick<Environment,
  'cutClients' | 'disturbLinks' | 'firewall' | 'kill' | 'pause' | 'skewClock' | 'troubleDisk' | 'damageFiles' | 'limitResources' | 'spareMembers'>, never>

/** Every capability there is, over a set of lines: an effect is on while its line stands. A lying probe sees nothing when it is asked. */
export function fakeCapabilities(cluster: FakeCluster, faults: FakeFaults, journal: FakeJournal): Capabilities {
  let lies = faults.healLies ?? 0
  let nothingToDamage = faults.nothingToDamage ?? 0
  const effect = async (line: string): Promise<Effect> => {
    await cluster.time.sleep(5)
    if (faults.probeLies) throw new Error(`the probe saw nothing of: ${line}`)
    journal.broken.add(line)
    journal.done.push(line)
    return {
      observed: { saw: line },
      async heal() {
        await cluster.time.sleep(5)
        if (lies > 0 && lies-- > 0) throw new Error(`the probe still sees: ${line}`)
        journal.broken.delete(line)
        return { gone: line }
      },
    }
  }
  const links = (all: readonly { from: string, to: string }[]) => all.map(({ from, to }) => `${from}>${to}`).join(' ')
  // What no effect holds is proven by the family itself: a fake whose dead members answer shows whether it looks.
  const down = async (member: string, how: string) => {
    journal.done.push(`${how} ${member}`)
    if (!faults.probeLies) await cluster.kill(member)
  }
  return {
    cutClients: { cutClients: (members) => effect(`clients cut off from ${members.join(' ')}`) },
    disturbLinks: {
      kinds: ['loss', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth', 'mtu'],
      traffics: ['all', 'raft', 'gossip'],
      disturb: (all, disturbance, traffic) => effect(`${disturbance.kind} of ${traffic} on ${links(all)}`),
      disturbClients: (members, disturbance) => effect(`${disturbance.kind} of what clients ask ${members.join(' ')}`),
    },
    firewall: { apply: (rules) => effect(`firewall ${JSON.stringify(rules)}`) },
    kill: {
      kill: (member) => down(member, 'kill'),
      restart: (member) => cluster.restart(member),
      terminate: (member) => down(member, 'terminate'),
      cutPower: (member, { torn }) => down(member, torn ? 'torn power cut' : 'power cut'),
      async restartEmpty(member) {
        journal.done.push(`empty ${member}`)
        if (!faults.keepsIdWithoutDisk) cluster.wipe(member)
        await cluster.restart(member)
      },
    },
    pause: { pause: (member) => effect(`pause ${member}`) },
    skewClock: {
      kinds: ['jump', 'strobe', 'drift'], clocks: ['wall', 'all'],
      skew: (member, skew, clocks) => effect(`${clocks} ${skew.kind} of ${member}`),
    },
    troubleDisk: { kinds: ['full', 'slow', 'read-only'], trouble: (member, trouble) => effect(`${trouble.kind} disk of ${member}`) },
    damageFiles: {
      async damage(member, damage, fraction) {
        journal.done.push(`${damage.kind} in ${damage.in} of ${member}`)
        return nothingToDamage-- > 0 ? null : { at: fraction }
      },
    },
    limitResources: { kinds: ['cpu', 'memory', 'files'], limit: (member, scarcity) => effect(`${scarcity.kind} of ${member}`) },
    spareMembers: {
      spares: cluster.spares,
      start: (spare) => cluster.restart(spare),
      async remove(spare) {
        await cluster.kill(spare)
        cluster.wipe(spare)
      },
    },
  }
}
