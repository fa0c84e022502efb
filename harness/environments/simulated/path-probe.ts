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
  const before = targets.map(({ one }) => ({ ...one.tally }))
  for (let n = 0; n < packets.count; n++) {
    await time.sleep(packets.intervalMs)
    for (const { path } of targets) path.pass(time.nowNs(), packets.sizeBytes)
  }
  const tally: ImpairmentTally = { seen: 0, lost: 0, delayed: 0, delayMsTotal: 0, duplicated: 0, corrupted: 0 }
  for (const [i, { one }] of targets.entries()) {
    for (const name of Object.keys(tally) as (keyof ImpairmentTally)[]) tally[name] += one.tally[name] - before[i]![name]
  }
  return { sent: packets.count * targets.length, tally }
}
