import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import type { HistoryEvent } from '../../harness/history/event.ts'
import type { FaultRecord } from '../../harness/runner/fault-record.ts'
import { LiveRun, type LiveState } from './live-state.ts'

const chunkBytes = 1024 * 1024

/** Whole lines of a file that grows, each once. A file that is not there yet has none. */
export class LineTail {
  readonly #file: string
  #offset = 0
  #decoder = new StringDecoder('utf8')
  #unended = ''

  constructor(file: string) {
    this.#file = file
  }

  /** What was added since the last call. */
  *read(): Generator<string> {
    let descriptor: number
    try {
      descriptor = openSync(this.#file, 'r')
    } catch {
      return
    }
    try {
      const bytes = Buffer.alloc(Math.min(chunkBytes, Math.max(0, fstatSync(descriptor).size - this.#offset)))
      for (;;) {
        const count = bytes.length === 0 ? 0 : readSync(descriptor, bytes, 0, bytes.length, this.#offset)
        if (count === 0) return
        this.#offset += count
        const lines = (this.#unended + this.#decoder.write(bytes.subarray(0, count))).split('\n')
        this.#unended = lines.pop()!
        yield* lines
      }
    } finally {
      closeSync(descriptor)
    }
  }
}

export interface FollowedState extends LiveState {
  /** Null while it runs; else `judged`, `interrupted` or `failed`. */
  readonly ended: string | null
  readonly verdict: string | null
}

/** Follows the files of one run's directory. */
export class RunFollower {
  readonly #directory: string
  readonly #history: LineTail
  readonly #faults: LineTail
  readonly #leaders: LineTail
  readonly #live: LiveRun

  constructor(directory: string, timeLimitS: number) {
    this.#directory = directory
    this.#history = new LineTail(join(directory, 'history.jsonl'))
    this.#faults = new LineTail(join(directory, 'faults.jsonl'))
    this.#leaders = new LineTail(join(directory, 'leaders.jsonl'))
    this.#live = new LiveRun(timeLimitS)
  }

  /** Reads what is new. */
  look(nowMs: number): FollowedState {
    // The verdict first: what was written before it is then read too.
    const end = this.#end()
    for (const event of parsed<HistoryEvent>(this.#history)) this.#live.event(event, nowMs)
    for (const record of parsed<FaultRecord>(this.#faults)) this.#live.fault(record)
    for (const { leader } of parsed<{ leader: string | null }>(this.#leaders)) this.#live.leader(leader)
    return { ...this.#live.state(nowMs), ...end }
  }

  #end(): Pick<FollowedState, 'ended' | 'verdict'> {
    try {
      const { ended, verdict } = JSON.parse(readFileSync(join(this.#directory, 'verdict.json'), 'utf8')) as { ended?: string, verdict?: string | null }
      return { ended: ended ?? 'judged', verdict: verdict ?? null }
    } catch {
      return { ended: null, verdict: null }
    }
  }
}

/** A line that cannot be read is one that a kill has torn. */
function* parsed<T>(tail: LineTail): Generator<T> {
  for (const line of tail.read()) {
    try {
      yield JSON.parse(line) as T
    } catch {
      continue
    }
  }
}
