import { existsSync } from 'node:fs'
import { messageOf, type Engine } from './engine.ts'

/** A bridge network of the run's own. */
export interface RunNetwork {
  readonly name: string
  /** Whether this process can reach containers at their own addresses, with nothing in between. */
  readonly routable: boolean
}

/** Creates it. Which subnet is free only the engine knows, so it chooses. */
export async function createRunNetwork(engine: Engine, name: string, labels: Record<string, string>): Promise<RunNetwork> {
  const network = await engine.docker.createNetwork({ Name: name, Driver: 'bridge', CheckDuplicate: true, Labels: labels })
    .catch((error: unknown) => {
      const advice = /address pool/.test(messageOf(error))
        ? ': the engine has no subnet left for another network; remove unused ones (docker network prune) or widen default-address-pools'
        : ''
      throw new Error(`Docker could not create the network ${name}: ${messageOf(error)}${advice}`, { cause: error })
    })
  return { name, routable: isBridgeHere(network.id) }
}

/**
 * An engine on this very machine has the network's bridge among the interfaces
 * here, and so a route. One in a virtual machine, in a rootless namespace or
 * elsewhere has it there, and only published ports lead to its containers. (A
 * bridge without a running container has no carrier, so it is not among `os.networkInterfaces()` yet.)
 */
function isBridgeHere(networkId: string): boolean {
  return process.platform === 'linux' && existsSync(`/sys/class/net/br-${networkId.slice(0, 12)}`)
}
