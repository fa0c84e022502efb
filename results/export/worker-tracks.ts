import type { RunPlan } from '../../harness/plan/plan.ts'
import type { OperationRow } from './operation-rows.ts'

/**
 * A worker whose operation ended `info` is retired; its successor's number is
 * higher by the size of its pool (of the plan's concurrency in the main phase,
 * of the members in the last). To a reader they are one: one track.
 */
export class WorkerTracks {
  readonly #tracks = new Map<number, string>()
  readonly #retired = new Set<number>()
  readonly #strides: readonly number[]

  constructor({ concurrency, members }: Pick<RunPlan, 'concurrency' | 'members'>) {
    this.#strides = [concurrency, members]
  }

  /** Given operations in the order in which they ended. */
  trackOf({ process, node, outcome }: OperationRow): string {
    let track = this.#tracks.get(process)
    if (track === undefined) {
      const before = this.#strides.map((stride) => process - stride).find((candidate) => this.#retired.delete(candidate))
      track = before === undefined ? `worker ${process}${node === null ? '' : ` at ${node}`}` : this.#tracks.get(before)!
      this.#tracks.set(process, track)
    }
    if (outcome === 'info') this.#retired.add(process)
    return track
  }
}
