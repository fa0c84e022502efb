import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { decodeRecord, encodeRecord } from './json-records.ts'
import type { SnapshotPart } from './snapshot-part.ts'

/** What autopilot goes by (Consul's HTTP API, Operator, Autopilot). Replicated. */
export interface AutopilotConfig {
  /** Failed servers are removed, as long as a quorum stays. */
  readonly cleanupDeadServers: boolean
  /** A healthy server was heard from within this. */
  readonly lastContactThresholdNs: number
  /** A healthy server lacks at most so many entries of the leader's log. */
  readonly maxTrailingLogs: number
  /** Never fewer servers than this because of a cleanup; 0: as few as the quorum allows. */
  readonly minQuorum: number
  /** A new server is healthy for this long before it votes. */
  readonly serverStabilizationTimeNs: number
}

export const autopilotDefaults: AutopilotConfig = {
  cleanupDeadServers: true, lastContactThresholdNs: 200e6, maxTrailingLogs: 250, minQuorum: 0, serverStabilizationTimeNs: 10e9,
}

export interface StoredAutopilotConfig extends AutopilotConfig {
  readonly createIndex: number
  readonly modifyIndex: number
}

export interface AutopilotSet {
  readonly kind: 'autopilot-set'
  readonly config: AutopilotConfig
  /** Only if the stored one has this ModifyIndex, 0: if there is none. Null: in any case. */
  readonly modifyIndex: number | null
}

export const autopilotCode = 60

const count = z.int().min(0)
const configFields = {
  cleanupDeadServers: z.boolean(), lastContactThresholdNs: z.int(), maxTrailingLogs: count, minQuorum: count, serverStabilizationTimeNs: z.int(),
}
const commandSchema = z.object({ config: z.object(configFields), modifyIndex: count.nullable() })
const storedSchema = z.object({ ...configFields, createIndex: count, modifyIndex: count })

export function encodeAutopilotRest({ config, modifyIndex }: AutopilotSet): Uint8Array {
  return Buffer.from(JSON.stringify({ config, modifyIndex } satisfies z.infer<typeof commandSchema>))
}

/** Never throws. `problem`: a sentence without its full stop. */
export function decodeAutopilotRest(rest: Uint8Array): AutopilotSet | { readonly kind: 'invalid', readonly problem: string } {
  try {
    if (!isUtf8(rest)) return { kind: 'invalid', problem: 'the autopilot command is not UTF-8' }
    const parsed = commandSchema.safeParse(JSON.parse(Buffer.from(rest).toString('utf8')))
    if (parsed.success) return { kind: 'autopilot-set', ...parsed.data }
  } catch {
    // Said below.
  }
  return { kind: 'invalid', problem: 'the autopilot command is malformed' }
}

export interface AutopilotReader {
  /** Null: nobody has configured it. */
  readonly stored: StoredAutopilotConfig | null
}

/** One record of the replicated state. */
export class AutopilotTable implements AutopilotReader {
  #stored: StoredAutopilotConfig | null = null

  get stored(): StoredAutopilotConfig | null {
    return this.#stored
  }

  /** False: the stored one is another than the condition says. */
  set(index: number, { config, modifyIndex }: AutopilotSet): boolean {
    if (modifyIndex !== null && modifyIndex !== (this.#stored?.modifyIndex ?? 0)) return false
    this.#stored = { ...config, createIndex: this.#stored?.createIndex ?? index, modifyIndex: index }
    return true
  }

  readonly part: SnapshotPart = {
    name: 'autopilot',
    capture: () => {
      const records = this.#stored === null ? [] : [encodeRecord(this.#stored)]
      return { records: records[Symbol.iterator](), release: () => {} }
    },
    restore: () => {
      let restored: StoredAutopilotConfig | null = null
      return {
        add: (record) => { restored = decodeRecord(record, storedSchema) },
        finish: () => { this.#stored = restored },
      }
    },
  }
}
