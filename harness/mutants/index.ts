export { loadMutant, mutantNames } from './catalog.ts'
export { appliedLine, registerEdits, SourceEditError, type RegisteredEdits } from './hook.ts'
export type { Mutant } from './mutant.ts'
