import { z } from 'zod'
import { escapePath } from '../agent-client.ts'

const uint = z.union([z.int(), z.bigint()])
/** An entry as `/v1/kv/` gives it. */
export const kvEntry = z.object({
  LockIndex: uint, Key: z.string(), Flags: uint, Value: z.string().nullable(), CreateIndex: uint, ModifyIndex: uint, Session: z.string().optional(),
})
export type KvEntry = z.infer<typeof kvEntry>

/** Consul drops a leading slash from what is read, and refuses it in what is written. */
export const keyPath = (key: string) => `/v1/kv/${escapePath(key.replace(/^\//, ''))}`
