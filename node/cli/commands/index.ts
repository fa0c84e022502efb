import type { CommandTree } from '../command.ts'
import { kv } from './kv.ts'

/** All commands that speak to an agent, in the order of help. */
export const commandTree: readonly CommandTree[] = [kv]
