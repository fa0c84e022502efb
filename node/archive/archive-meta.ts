import { z } from 'zod'

/**
 * `meta.json` of an archive, as Consul writes it (hashicorp/raft's
 * SnapshotMeta): what its command prints, and checks for being there.
 */
export interface ArchiveMeta {
  readonly Version: 1
  /** `<term>-<index>-<wall-clock ms>`. */
  readonly ID: string
  /** The highest index that the state may hold. */
  readonly Index: number
  readonly Term: number
  /** The servers' addresses in MessagePack, base64: a form of raft protocol 2 that is still there. */
  readonly Peers: string
  readonly Configuration: { readonly Servers: readonly { readonly Suffrage: 0 | 1, readonly ID: string, readonly Address: string }[] }
  readonly ConfigurationIndex: number
  /** Bytes of `state.bin`. */
  readonly Size: number
}

const uint = z.union([z.int().min(0), z.bigint().min(0n)])

/** What a reader needs of it; numbers above 2^53 stay exact. */
export const archiveFacts = z.object({ Version: uint, ID: z.string(), Index: uint, Term: uint, Size: uint })

export type ArchiveFacts = z.infer<typeof archiveFacts>
