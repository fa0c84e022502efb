import type { CommandTree } from '../command.ts'
import { event, forceLeave, join, keygen, leave, reload } from './agent-control.ts'
import { catalog } from './catalog.ts'
import { info } from './info.ts'
import { kv } from './kv.ts'
import { lock } from './lock.ts'
import { maint } from './maint.ts'
import { members } from './members.ts'
import { monitor } from './monitor.ts'
import { operator } from './operator.ts'
import { services } from './services.ts'
import { snapshot } from './snapshot.ts'

/** All commands that speak to an agent, in the order of help. */
export const commandTree: readonly CommandTree[] = [
  catalog, event, forceLeave, info, join, keygen, kv, leave, lock, maint, members, monitor, operator, reload, services, snapshot,
]
