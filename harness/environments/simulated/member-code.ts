import type { GossipDriver } from '../../../node/gossip/gossip-driver.ts'
import type { RegistryNode } from '../../../node/registry-node.ts'
import type { answerMessage } from '../../../node/dns/dns-message.ts'
import type { memoryDisk } from '../../../node/storage/memory-disk.ts'
import type { resolveAgentConfig } from '../../../node/agent/agent-config.ts'
import { registerEdits } from '../../mutants/hook.ts'
import type { SourceEdit } from '../environment.ts'

/** The member's own code, as loaded into this process, with or without a planted bug. */
export interface MemberCode {
  readonly RegistryNode: typeof RegistryNode
  readonly GossipDriver: typeof GossipDriver
  readonly memoryDisk: typeof memoryDisk
  readonly resolveAgentConfig: typeof resolveAgentConfig
  readonly answerDns: typeof answerMessage
}

let loaded: { readonly edits: string, readonly code: Promise<MemberCode> } | null = null

/**
 * Loads the member with these source edits in place. A module is loaded once in
 * a process, so one process can have one set of edits only.
 *
 * @throws Error if this process has loaded the member with other edits, or if an
 *   edit is of a file that the harness itself had loaded before
 */
export function loadMemberCode(edits: readonly SourceEdit[]): Promise<MemberCode> {
  const wanted = JSON.stringify(edits)
  if (loaded !== null && loaded.edits !== wanted) {
    return Promise.reject(new Error('This process has loaded the member with other source edits, and a module is loaded once only: run each planted bug in a process of its own.'))
  }
  loaded ??= { edits: wanted, code: load(edits) }
  return loaded.code
}

async function load(edits: readonly SourceEdit[]): Promise<MemberCode> {
  // This file is harness/environments/simulated/member-code.ts of a checkout, or the same below dist/.
  const registered = registerEdits(edits, new URL('../../../', import.meta.url))
  try {
    const { RegistryNode } = await import('../../../node/registry-node.ts')
    const { GossipDriver } = await import('../../../node/gossip/gossip-driver.ts')
    const { memoryDisk } = await import('../../../node/storage/memory-disk.ts')
    const { resolveAgentConfig } = await import('../../../node/agent/agent-config.ts')
    const { answerMessage: answerDns } = await import('../../../node/dns/dns-message.ts')
    const missing = registered.missing()
    if (missing.length > 0) {
      throw new Error(`The source edits of ${missing.map(({ file }) => file).join(', ')} change nothing in a simulation: no simulated member loads that file, or the harness had loaded it before.`)
    }
    return { RegistryNode, GossipDriver, memoryDisk, resolveAgentConfig, answerDns }
  } finally {
    registered.deregister()
  }
}
