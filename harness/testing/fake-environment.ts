import { invariant } from '../../node/base/assert.ts'
import type { Environment, EnvironmentOptions, HttpOutcome, HttpRequest, Link } from '../environments/environment.ts'
import { FakeAgents } from './fake-agents.ts'
import { fakeCapabilities, type FakeCluster, type FakeJournal } from './fake-faults.ts'
import { VirtualTime } from './virtual-time.ts'

/** How the fake misbehaves. */
export interface FakeFaults {
  /** Every so many writes one is acknowledged and forgotten. */
  readonly loseEveryNthWrite?: number
  /** After the first cut nobody leads any more. */
  readonly neverRecovers?: boolean
  /** Nobody ever leads. */
  readonly neverServes?: boolean
  readonly cutFails?: boolean
  readonly healFails?: boolean
  readonly startFails?: boolean
  readonly requestThrows?: boolean
  readonly withoutCutLinks?: boolean
  readonly withoutKill?: boolean
  /** With every capability there is; else links can be cut and members killed. */
  readonly everyCapability?: boolean
  /** No probe sees that anything broke. */
  readonly probeLies?: boolean
  /** So many heals are not seen by their probes. */
  readonly healLies?: number
  /** No member has a file that could be damaged, the first so many times. */
  readonly nothingToDamage?: number
  /** A member whose disk is emptied comes back as if it had not been. */
  readonly keepsIdWithoutDisk?: boolean
  /** A member whose disk was emptied votes only so long after it was started. */
  readonly votesAfterMs?: number
  /** Who left or was removed is taken in under another id only. */
  readonly removedStayOut?: boolean
  /** Called once the main phase has begun, at this time. */
  readonly at?: { readonly ms: number, readonly call: () => void }
}

/** What tests look at afterwards. */
export interface FakeProbe {
  readonly environment: Environment
  readonly time: VirtualTime
  disposed: number
  readonly cuts: readonly Link[][]
  readonly journal: FakeJournal
}

/**
 * A cluster that is one map in memory, in virtual time: atomic, and correct
 * unless told otherwise. A member that is cut off from a majority has no
 * leader. Speaks as much of Consul's dialect as the harness needs.
 */
export function fakeEnvironment(options: Pick<EnvironmentOptions, 'memberCount' | 'random'>, faults: FakeFaults = {}): FakeProbe {
  const time = new VirtualTime()
  const members = Array.from({ length: options.memberCount }, (_, i) => `n${i + 1}`)
  const random = options.random.split('fake')
  const store = new Map<string, { value: string, index: number }>()
  const cuts: Link[][] = []
  const active = new Set<readonly Link[]>()
  const spares = faults.everyCapability ? [`n${members.length + 1}`, `n${members.length + 2}`] : []
  const dead = new Set<string>(spares)
  const journal: FakeJournal = { broken: new Set(), done: [] }
  /** Of those whose disks were emptied: when they were last started. */
  const newcomers = new Map<string, number>()
  const votes = (name: string) => time.nowNs() >= (newcomers.get(name) ?? -Infinity) + (faults.votesAfterMs ?? 0) * 1e6
  const agents = new FakeAgents([...members, ...spares], members, votes, faults.removedStayOut)
  let index = 10
  let writes = 0
  let everCut = false
  let lies = faults.healLies ?? 0
  const probe = { disposed: 0 }

  const isCut = (from: string, to: string) => [...active].some((links) => links.some((link) => link.from === from && link.to === to))
  const sees = (member: string) => members.filter((other) => other === member || (!dead.has(other) && !isCut(member, other) && !isCut(other, member)))
  const hasQuorum = (member: string) => !dead.has(member) && sees(member).length > members.length / 2
  const leader = () => faults.neverServes || (faults.neverRecovers && everCut) ? undefined : members.find(hasQuorum)

  function answer(member: string, request: HttpRequest): HttpOutcome {
    const url = new URL(request.target, 'http://fake')
    if (url.pathname === '/v1/status/leader') return json(hasQuorum(member) && leader() !== undefined ? `${leader()}:8300` : '')
    if (url.pathname === '/v1/agent/self') return json({ Config: { NodeID: agents.idOf(member) }, Stats: { raft: { state: member === leader() ? 'Leader' : 'Follower', term: '3' } } })
    if (url.pathname === '/v1/agent/leave') dead.add(member)
    const answered = agents.answer(member, request.method, url, request.body, (name) => !dead.has(name))
    if (answered !== null) return respond(200, answered)
    if (!hasQuorum(member) || leader() === undefined) return respond(500, 'No cluster leader')
    const key = decodeURIComponent(url.pathname.slice('/v1/kv/'.length))
    const entry = store.get(key)
    if (request.method === 'GET') {
      if (entry === undefined) return respond(404, '')
      return json([{ LockIndex: 0, Key: key, Flags: 0, Value: Buffer.from(entry.value).toString('base64'), CreateIndex: 1, ModifyIndex: entry.index }])
    }
    invariant(request.method === 'PUT', () => `the fake knows no ${request.method}`)
    const cas = url.searchParams.get('cas')
    if (cas !== null && Number(cas) !== (entry?.index ?? 0)) return respond(200, 'false')
    const counts = !key.startsWith('splitbrain-probe')
    if (counts) writes += 1
    const lost = counts && faults.loseEveryNthWrite !== undefined && writes % faults.loseEveryNthWrite === 0
    if (!lost) store.set(key, { value: String(request.body), index: ++index })
    return respond(200, 'true')
  }

  const environment: Environment = {
    kind: 'simulated',
    members,
    clock: time,
    async start() {
      await time.sleep(50)
      if (faults.startFails) throw new Error('n2 did not answer HTTP within 30 s')
      if (faults.at !== undefined) void time.sleep(faults.at.ms).then(faults.at.call)
    },
    async request(member, request, timeoutMs) {
      if (faults.requestThrows && request.method === 'PUT' && !request.target.includes('probe')) throw new Error('a bug in the environment')
      if (dead.has(member)) return { kind: 'not-sent', error: 'ECONNREFUSED' }
      const latencyMs = 1 + random.fraction() * 8
      await time.sleep(latencyMs / 2)
      // One in a hundred is carried out and never answered.
      const isStatus = request.target.startsWith('/v1/status') || request.target.startsWith('/v1/agent') || request.target.startsWith('/v1/operator')
      const outcome = answer(member, request)
      if (!isStatus && random.chance(0.01)) {
        await time.sleep(timeoutMs - latencyMs / 2)
        return { kind: 'lost', error: `no answer within ${timeoutMs} ms` }
      }
      await time.sleep(latencyMs / 2)
      return outcome
    },
    collect: () => Promise.resolve(),
    run: (main) => time.run(main),
    async [Symbol.asyncDispose]() {
      probe.disposed += 1
    },
    ...(faults.withoutCutLinks ? {} : {
      cutLinks: {
        ...faults.everyCapability ? { traffics: ['all', 'raft', 'gossip'] as const } : {},
        async cut(links: readonly Link[]) {
          await time.sleep(5)
          if (faults.cutFails || faults.probeLies) throw new Error('a probe passed n1>n2, which is cut')
          everCut = true
          cuts.push([...links])
          active.add(links)
          return {
            async heal() {
              await time.sleep(5)
              if (lies > 0 && lies-- > 0) throw new Error('no probe passes n1>n2 yet')
              if (faults.healFails) throw new Error('no probe passes n1>n2, which is healed')
              active.delete(links)
            },
          }
        },
      },
    }),
    ...(faults.withoutKill ? {} : {
      kill: {
        async kill(member: string) {
          await time.sleep(5)
          dead.add(member)
        },
        async restart(member: string) {
          await time.sleep(20)
          dead.delete(member)
        },
      },
    }),
  }
  const alive = async (member: string) => {
    await time.sleep(20)
    dead.delete(member)
    if (newcomers.has(member)) newcomers.set(member, time.nowNs())
  }
  const cluster: FakeCluster = {
    time, members, spares,
    restart: alive,
    async kill(member) {
      await time.sleep(5)
      dead.add(member)
    },
    wipe(member) {
      agents.wipe(member)
      newcomers.set(member, time.nowNs())
    },
  }
  const everything = faults.everyCapability ? fakeCapabilities(cluster, faults, journal) : {}
  return Object.assign(probe, { environment: { ...environment, ...everything }, time, cuts, journal })
}

const encode = (text: string) => new TextEncoder().encode(text)
const respond = (status: number, text: string): HttpOutcome => ({ kind: 'response', status, headers: {}, body: encode(text) })
const json = (value: unknown) => respond(200, JSON.stringify(value))
