import type { CatalogReader } from '../state/catalog.ts'
import { encodeCommand } from '../state/commands.ts'
import { StateMachine } from '../state/state-machine.ts'

/**
 * The few nodes of the catalog that an agent looks at: its own, and those that
 * its alias checks stand for, as a server last told of them and with what the
 * agent itself has written since.
 */
export class CatalogView {
  readonly #state = new StateMachine()
  #index = 0
  /** Of the whole catalog. */
  nodeCount = 0

  get catalog(): CatalogReader {
    return this.#state.catalog
  }

  /** In place of what was known of `nodes`. */
  replace(nodes: readonly string[], registrations: readonly Uint8Array[]): void {
    for (const node of nodes) this.apply(encodeCommand({ kind: 'catalog-deregister', node, serviceId: null, checkId: null }))
    for (const registration of registrations) this.apply(registration)
  }

  /** The catalog has taken this command. */
  apply(command: Uint8Array): void {
    this.#state.apply(++this.#index, command)
  }
}
