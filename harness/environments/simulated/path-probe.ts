import type { ActiveImpairment, ImpairmentTally } from './impairment.ts'
import type { Path } from './path.ts'
import type { VirtualTime } from './virtual-time.ts'

const probeBytes = 64

/** Whether a packet passes each path now, some ms later. */
export async function passes(time: VirtualTime, paths: readonly Path[], afterMs: number): Promise<boolean[]> {
  await time.sleep(afterMs)
  return paths.map((path) => path.passWhole(time.nowNs(), probeBytes) !== null)
}

/** What probe packets met of one impairment on each path that it was put on. */
export interface Measured {
  readonly sent: number
  readonly tally: Readonly<ImpairmentTally>
}

/**
 * Sends packets of `sizeBytes` over each path, one each `intervalMs`, and reads
 * off what this very impairment did to them, whatever else is wrong with the paths.
 */
export async function measure(
  time: VirtualTime, targets: readonly { readonly path: Path, readonly one: ActiveImpairment }[],
  packets: { readonly count: number, readonly sizeBytes: number, readonly intervalMs: number },
): Promise<Measured> {
  const tally: ImpairmentTally = { seen: 0, lost: 0, delayed: 0, delayMsTotal: 0, duplicated: 0, corrupted: 0 }
  for (let n = 0; n < packets.count; n++) {
    await time.sleep(packets.intervalMs)
    for (const { path, one } of targets) {
      // What members send meanwhile is no probe.
      const before = { ...one.tally }
      path.pass(time.nowNs(), packets.sizeBytes)
      for (const name of Object.keys(tally) as (keyof ImpairmentTally)[]) tally[name] += one.tally[name] - before[name]
    }
  }
  return { sent: packets.count * targets.length, tally }
}
