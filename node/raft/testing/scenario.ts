import { type RaftConfig, resolveRaftConfig } from '../config.ts'
import { encodeConfiguration } from '../configuration.ts'
import type { Entry } from '../entry.ts'
import type { MembershipChange } from '../membership.ts'
import type { Message } from '../message.ts'
import { ScenarioMember, type ScenarioWorld } from './scenario-member.ts'
import { describeEntries, describeMessage } from './scenario-trace.ts'

/**
 * A cluster that does what a scenario file says and writes down what happens.
 * Time stands still but for `tick` and `campaign`; messages wait until they are
 * delivered; disks write at once unless held. The switch in `run` lists the
 * commands.
 */
export class Scenario implements ScenarioWorld {
  config: RaftConfig = resolveRaftConfig()
  readonly #members = new Map<string, ScenarioMember>()
  #nowMs = 0
  #inTransit: Message[] = []
  readonly #cut = new Set<string>()
  #lines: string[] = []
  #nextReadId = 1
  #showHeartbeats = false
  showWrites = false

  nowMs(): number {
    return this.#nowMs
  }

  send(message: Message): void {
    this.#inTransit.push(message)
  }

  trace(line: string): void {
    this.#lines.push(line)
  }

  /** Runs the commands of one step; returns their trace. */
  step(commands: readonly string[]): string {
    this.#lines = []
    for (const command of commands) this.#run(command)
    return this.#lines.join('\n')
  }

  #run(command: string): void {
    const [verb, ...args] = command.trim().split(/\s+/)
    const first = args[0] ?? ''
    switch (verb) {
      // cluster n1 n2 n3 — members with the bootstrap entry, nothing else.
      case 'cluster': return this.#makeCluster(args.map((id) => ({ id, term: 1, terms: [1] })))
      // logs n1:t4=1,1,4 n2:t2=1,2 — members with logs of these terms and a current term; entry 1 is the configuration.
      case 'logs': return this.#makeCluster(args.map(parseLog))
      // show heartbeats|writes
      case 'show': return this.#show(first)
      // tick MS — time passes, everybody's timers run.
      case 'tick': return this.#tick(Number(first))
      // tick-only n1 MS — time passes, but only this member notices.
      case 'tick-only': return this.#tickOnly(first, Number(args[1]))
      // campaign n1 … — time passes until the election timers of these members, and nobody else's, have run out.
      case 'campaign': return this.#campaign(args)
      // elect n1 — it campaigns, wins, and all that can hear of it do; the trace shows only the outcome.
      case 'elect': return this.#elect(first)
      // run MS — time passes for all, and messages arrive, in steps of 20 ms. Lost ones are not shown.
      case 'run': return this.#runFor(Number(first))
      // limit-entries N — append requests carry at most so many. Before `cluster` or `logs`.
      case 'limit-entries': return void (this.config = resolveRaftConfig({ appendEntriesMax: Number(first) }))
      // deliver [n1>n2 | n1> | >n2] … — messages on these links, or all, and what they cause, until none is left.
      case 'deliver': return this.#deliver(args)
      // deliver-once [n1>n2 | n1> | >n2] … — only what waits there now.
      case 'deliver-once': return this.#deliver(args, this.#inTransit.filter((message) => matches(message, args)).length)
      // lose [n1>n2 | n1> | >n2] … — messages on these links, or all, are lost.
      case 'lose': return this.#lose(args)
      // repeat n1>n2 — what waits on this link is there twice.
      case 'repeat': return void this.#inTransit.push(...this.#inTransit.filter((message) => matches(message, [first])))
      // propose n1 a b — commands.
      case 'propose': return this.#propose(first, args.slice(1))
      // snapshots TRAILING — entries that stay behind a snapshot; two chunks of 60 bytes under way. Before `cluster`.
      case 'snapshots': return void (this.config = resolveRaftConfig({ trailingEntries: Number(first), snapshotChunkBytes: 60, snapshotChunksInflightMax: 2 }))
      // snapshot n1 — it takes one of all that it has applied.
      case 'snapshot': return this.#member(first).takeSnapshot()
      // empty n4 — a member that has nothing and waits to be added.
      case 'empty': return void this.#members.set(first, new ScenarioMember(first, this, { term: 0, votedFor: null }, []))
      // add n1 n4, remove n1 n3 — the first is asked to change the membership by the second.
      case 'add': return this.#change(first, { kind: 'add', server: { id: args[1]!, name: args[1]!, address: `${args[1]}:8300` } })
      case 'remove': return this.#change(first, { kind: 'remove', id: args[1]! })
      // transfer n1 [n2] — the first is asked to hand leadership over.
      case 'transfer': return this.#member(first).input((core) => {
        const answer = core.transferLeadership(args[1] ?? null, this.#nowMs)
        this.trace(`  ${first} transfer ${answer.kind === 'started' ? `to ${answer.target} begins` : answer.kind === 'refused' ? `refused: ${answer.problem}` : 'refused: does not lead'}`)
      })
      // members n1 — the configuration that counts there.
      case 'members': {
        const { voters, nonVoters = [] } = this.#member(first).core.configuration
        return this.trace(`  ${first}: voters ${voters.map(({ id }) => id).join(' ') || 'none'}${nonVoters.length > 0 ? `; non-voters ${nonVoters.map(({ id }) => id).join(' ')}` : ''}`)
      }
      // read n1 lease|quorum
      case 'read': return this.#read(first, args[1] === 'lease' ? 'lease' : 'quorum')
      // isolate n1 — cuts all its links. cut n1>n2 — one direction. heal — all.
      case 'isolate': return this.#isolate(first)
      case 'cut': return void args.forEach((link) => this.#cut.add(link))
      case 'heal': return this.#cut.clear()
      // connection-lost n2 n1 — the transport of n2 tells it that n1 is gone.
      case 'connection-lost': return this.#member(first).input((core) => core.peerLost(args[1] ?? '', this.#nowMs))
      // disk n1 hold|release
      case 'disk': return args[1] === 'hold' ? this.#member(first).holdDisk() : this.#member(first).releaseDisk()
      case 'crash': return this.#member(first).crash()
      case 'restart': return this.#member(first).start()
      // status — one line each. log n1 — its entries.
      case 'status': return this.#status()
      case 'log': return this.trace(`  ${first}: ${describeEntries(this.#member(first).core.entries(this.#member(first).core.baseIndex + 1, this.#member(first).core.lastIndex))}`)
      default: throw new Error(`unknown command: ${command}`)
    }
  }

  #change(id: string, change: MembershipChange): void {
    this.#member(id).input((core) => {
      const answer = core.changeMembership(change, this.#nowMs)
      this.trace(`  ${id} ${change.kind} ${answer.kind === 'proposed' ? `proposed at ${answer.index} in t${answer.term}` : answer.kind === 'refused' ? `refused: ${answer.problem}` : 'refused: does not lead'}`)
    })
  }

  #member(id: string): ScenarioMember {
    const member = this.#members.get(id)
    if (member === undefined) throw new Error(`there is no member ${id}`)
    return member
  }

  #makeCluster(logs: readonly { readonly id: string, readonly term: number, readonly terms: readonly number[] }[]): void {
    const voters = logs.map(({ id }) => ({ id, name: id, address: `${id}:8300` }))
    const configuration = encodeConfiguration({ voters })
    for (const { id, term, terms } of logs) {
      const entries = terms.map((entryTerm, i): Entry => i === 0
        ? { index: 1, term: entryTerm, kind: 'configuration', data: configuration }
        : { index: i + 1, term: entryTerm, kind: 'command', data: new TextEncoder().encode(`c${i + 1}`) })
      this.#members.set(id, new ScenarioMember(id, this, { term, votedFor: null }, entries))
    }
  }

  #show(what: string): void {
    if (what === 'heartbeats') this.#showHeartbeats = true
    else this.showWrites = true
  }

  #tick(ms: number): void {
    this.#nowMs += ms
    for (const member of this.#members.values()) if (member.isUp) member.input((core) => core.tick(this.#nowMs))
  }

  #tickOnly(id: string, ms: number): void {
    this.#nowMs += ms
    this.#member(id).input((core) => core.tick(this.#nowMs))
  }

  #campaign(ids: readonly string[]): void {
    for (const id of ids) this.#nowMs = Math.max(this.#nowMs, this.#member(id).core.nextDeadlineMs())
    for (const id of ids) this.#member(id).input((core) => core.tick(this.#nowMs))
  }

  #elect(id: string): void {
    const before = this.#lines
    this.#lines = []
    this.#campaign([id])
    this.#deliver([])
    this.#runFor(60)
    this.#lines = before
    this.trace(`  ${id} is ${this.#member(id).core.status().role} in t${this.#member(id).core.term}`)
  }

  #runFor(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += 20) {
      this.#tick(Math.min(20, ms - passedMs))
      this.#deliver([], 1000, false)
    }
  }

  #deliver(links: readonly string[], countMax = 1000, showLost = true): void {
    for (let count = 0; ; count++) {
      if (count === countMax) {
        if (countMax < 1000) return
        throw new Error('1000 messages delivered and no end')
      }
      const i = this.#inTransit.findIndex((message) => matches(message, links))
      if (i === -1) return
      const message = this.#inTransit.splice(i, 1)[0]!
      const visible = this.#showHeartbeats || !message.kind.startsWith('heartbeat')
      if (this.#cut.has(`${message.from}>${message.to}`) || !this.#member(message.to).isUp) {
        if (visible && showLost) this.trace(`${describeMessage(message)} (lost)`)
        continue
      }
      if (visible) this.trace(describeMessage(message))
      this.#member(message.to).input((core) => core.step(message, this.#nowMs))
    }
  }

  #lose(links: readonly string[]): void {
    const lost = this.#inTransit.filter((message) => matches(message, links))
    this.#inTransit = this.#inTransit.filter((message) => !matches(message, links))
    for (const message of lost) {
      if (this.#showHeartbeats || !message.kind.startsWith('heartbeat')) this.trace(`${describeMessage(message)} (lost)`)
    }
  }

  #propose(id: string, commands: readonly string[]): void {
    const encoder = new TextEncoder()
    this.#member(id).input((core) => {
      const answer = core.propose(commands.map((command) => encoder.encode(command)), this.#nowMs)
      this.trace(answer.kind === 'proposed'
        ? `  ${id} proposes from ${answer.firstIndex} in t${answer.term}`
        : `  ${id} does not lead; ${answer.leader ?? 'nobody'} does`)
    })
  }

  #read(id: string, mode: 'lease' | 'quorum'): void {
    const readId = this.#nextReadId++
    this.#member(id).input((core) => {
      const answer = core.read(readId, mode, this.#nowMs)
      this.trace(answer.kind === 'pending' ? `  ${id} read ${readId} begins` : `  ${id} does not lead; ${answer.leader ?? 'nobody'} does`)
    })
  }

  #isolate(id: string): void {
    for (const other of this.#members.keys()) {
      this.#cut.add(`${id}>${other}`)
      this.#cut.add(`${other}>${id}`)
    }
  }

  #status(): void {
    for (const member of this.#members.values()) {
      if (!member.isUp) {
        this.trace(`  ${member.id} is down`)
        continue
      }
      const { role, term, leader, commitIndex, lastIndex, durableIndex } = member.core.status()
      this.trace(`  ${member.id} ${role} t${term} leader ${leader ?? 'none'} commit ${commitIndex} log ${lastIndex} disk ${durableIndex}`)
    }
  }
}

/** `n1>n2`, `n1>` (all from n1), `>n2` (all to n2); no links at all means every message. */
function matches(message: Message, links: readonly string[]): boolean {
  return links.length === 0 || links.some((link) => {
    const [from, to] = link.split('>')
    return (from === '' || from === message.from) && (to === '' || to === message.to)
  })
}

/** `n1:t4=1,1,4`: current term 4, a log of these terms. */
function parseLog(text: string): { id: string, term: number, terms: number[] } {
  const match = /^(\w+):t(\d+)=([\d,]+)$/.exec(text)
  if (match === null) throw new Error(`not a log: ${text}`)
  return { id: match[1]!, term: Number(match[2]), terms: match[3]!.split(',').map(Number) }
}
