import type { Log } from '../base/log.ts'

/** What both halves of a link need to know. */
export interface LinkOptions {
  readonly log: Log
  /** Servers that name another cluster in their greeting are turned away. */
  readonly cluster: string
  /** A larger frame is not sent, and closes the connection that brings it. */
  readonly frameBytesMax: number
  /** At most this many messages wait for one connection. */
  readonly queueMessagesMax: number
  /** Nothing is added while more than this waits in one socket. */
  readonly queueBytesMax: number
  readonly connectTimeoutMs: number
  /** From one dial to the next after a failure: the first, doubled each time, up to the second. */
  readonly backoffMsMin: number
  readonly backoffMsMax: number
  /** A connection on which the listener receives nothing for this long, although something was sent, is given up. */
  readonly stallTimeoutMs: number
  /** A listener tells at most this often how much it received. Well below `stallTimeoutMs`. */
  readonly receivedReportMs: number
  /** A connection must bring its greeting within this. */
  readonly greetingTimeoutMs: number
}

export interface TransportStats {
  readonly messagesSent: number
  readonly messagesReceived: number
  /** Not sent: too much was queued, no connection, or too large. */
  readonly messagesDropped: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly connectionsDialled: number
  /** Of those dialled, how many the listener has welcomed: only then is a break of one told. */
  readonly connectionsWelcomed: number
  readonly connectionsAccepted: number
  /** Given up because the listener did not receive. */
  readonly connectionsStalled: number
  /** Strangers, garbage, other clusters, frames above the limit. */
  readonly connectionsRefused: number
}

export type LinkCounters = { -readonly [name in keyof TransportStats]: TransportStats[name] }

export function freshCounters(): LinkCounters {
  return {
    messagesSent: 0,
    messagesReceived: 0,
    messagesDropped: 0,
    bytesSent: 0,
    bytesReceived: 0,
    connectionsDialled: 0,
    connectionsWelcomed: 0,
    connectionsAccepted: 0,
    connectionsStalled: 0,
    connectionsRefused: 0,
  }
}
