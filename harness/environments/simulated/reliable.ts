import type { EventQueue } from './event-queue.ts'
import { mtuBytes } from './impairment.ts'
import type { Path } from './path.ts'

/** TCP's on Linux where the path is quick: the smallest, doubled each time. */
const retransmitMsMin = 200
/** The same for what opens a connection. */
const handshakeRetransmitMs = 1000
const bareSegmentBytes = 60
const headerBytes = 52

export interface ReliablePorts {
  readonly queue: EventQueue
  /** One way, drawn anew for each segment's try. */
  readonly latencyMs: () => number
  /** Nobody waits any more: nothing is sent again. */
  readonly isOver: () => boolean
}

/** Sends `sizeBytes` as TCP does, each segment again until it arrives; `arrive` when all of them have. */
export function sendReliably(ports: ReliablePorts, path: Path, sizeBytes: number, arrive: () => void): void {
  sendSegments(ports, path, sizeBytes, retransmitMsMin, 0, arrive)
}

function sendSegments(ports: ReliablePorts, path: Path, sizeBytes: number, timeoutMs: number, notBeforeNs: number, arrive: () => void): void {
  const { queue, latencyMs, isOver } = ports
  let lastDelayMs = 0
  let missingBytes = 0
  if (!path.isClear) {
    for (let left = sizeBytes; left > 0; left -= mtuBytes - headerBytes) {
      const bytes = Math.min(left, mtuBytes - headerBytes)
      const delayMs = path.passWhole(queue.nowNs, bytes + headerBytes)
      if (delayMs === null) missingBytes += bytes
      else lastDelayMs = Math.max(lastDelayMs, delayMs)
    }
  }
  const arrivalNs = Math.max(notBeforeNs, queue.nowNs + Math.ceil((latencyMs() + lastDelayMs) * 1e6))
  if (missingBytes === 0) return void queue.at(arrivalNs, arrive)
  queue.after(timeoutMs, () => {
    if (!isOver()) sendSegments(ports, path, missingBytes, timeoutMs * 2, arrivalNs, arrive)
  })
}

/** A handshake: there and back, tried again like TCP's. `opened` at the source when it is done; `refused` where something on the path says so. */
export function openConnection(ports: ReliablePorts, there: Path, back: Path, opened: () => void, refused: () => void, timeoutMs = handshakeRetransmitMs): void {
  const { queue, latencyMs, isOver } = ports
  const thereMs = there.passWhole(queue.nowNs, bareSegmentBytes)
  const backMs = back.passWhole(queue.nowNs, bareSegmentBytes)
  if (thereMs !== null && backMs !== null) return void queue.after(latencyMs() + latencyMs() + thereMs + backMs, opened)
  if (there.refuses) return void queue.after(2 * latencyMs(), refused)
  queue.after(timeoutMs, () => {
    if (!isOver()) openConnection(ports, there, back, opened, refused, timeoutMs * 2)
  })
}
