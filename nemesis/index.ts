import { clock } from './clock.ts'
import { damage } from './damage.ts'
import { disk, resources } from './disk.ts'
import { firewall } from './firewall.ts'
import { kill, power, terminate } from './kill.ts'
import { membership } from './membership.ts'
import type { Nemesis } from './nemesis.ts'
import { packetFamilies } from './packets.ts'
import { partition } from './partition.ts'
import { pause } from './pause.ts'
import { registry } from './registry.ts'
import { crashLoop, restartAll, rollingRestart } from './restarts.ts'

/** Every family of faults, in the order in which they are told. */
export const families: readonly Nemesis[] = [
  partition, firewall, ...packetFamilies, clock,
  kill, terminate, pause, power, crashLoop, restartAll, rollingRestart,
  disk, damage, resources, membership, registry,
]

/** The same, by name. */
export const nemeses: Readonly<Record<string, Nemesis>> = Object.fromEntries(families.map((nemesis) => [nemesis.name, nemesis]))
