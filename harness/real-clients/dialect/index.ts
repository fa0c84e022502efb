import { agentScripts } from './agent-scripts.ts'
import { catalogScripts } from './catalog-scripts.ts'
import { catalogTransactionScripts } from './catalog-transaction-scripts.ts'
import { definitionScripts } from './definition-scripts.ts'
import { kvScripts, miscellaneousScripts } from './kv-scripts.ts'
import { differentScripts } from './different-scripts.ts'
import { readingScripts } from './reading-scripts.ts'
import { switchedOffScripts } from './switched-off-scripts.ts'
import { sessionScripts, transactionScripts } from './session-scripts.ts'
import type { Script } from './step.ts'

export const dialectScripts: readonly Script[] = [
  ...miscellaneousScripts, ...kvScripts, ...sessionScripts, ...transactionScripts, ...catalogTransactionScripts, ...catalogScripts, ...agentScripts,
  ...definitionScripts, ...switchedOffScripts, ...readingScripts, ...differentScripts,
]
