import { agentScripts } from './agent-scripts.ts'
import { catalogScripts } from './catalog-scripts.ts'
import { kvScripts, miscellaneousScripts } from './kv-scripts.ts'
import { sessionScripts, transactionScripts } from './session-scripts.ts'
import type { Script } from './step.ts'

export const dialectScripts: readonly Script[] = [
  ...miscellaneousScripts, ...kvScripts, ...sessionScripts, ...transactionScripts, ...catalogScripts, ...agentScripts,
]
