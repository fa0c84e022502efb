import { unreachable } from '../../base/assert.ts'
import type { Entry } from '../entry.ts'
import type { Message } from '../message.ts'
import type { Persist, ReadOutcome, Transition } from '../ready.ts'

/** Short, exact text for scenario traces. */

export function describeMessage(message: Message): string {
  return `${message.from}>${message.to} ${message.kind} t${message.term}${details(message)}`
}

function details(message: Message): string {
  switch (message.kind) {
    case 'pre-vote-request':
      return ` log ${message.lastLogIndex}:t${message.lastLogTerm}`
    case 'vote-request':
      return ` log ${message.lastLogIndex}:t${message.lastLogTerm}${message.transfer === true ? ' for a transfer' : ''}`
    case 'pre-vote-response':
    case 'vote-response':
      return message.granted ? ' granted' : ' refused'
    case 'append-request':
      return ` after ${message.prevLogIndex}:t${message.prevLogTerm} entries [${describeEntries(message.entries)}] commit ${message.commitIndex}`
    case 'append-response': {
      const { outcome } = message
      if (outcome.accepted) return ` accepted, match ${outcome.matchIndex}`
      const conflict = outcome.conflictTerm === null ? `log ends before ${outcome.conflictIndex}` : `has t${outcome.conflictTerm} from ${outcome.conflictIndex}`
      return ` rejected ${outcome.rejectedIndex}: ${conflict}`
    }
    case 'heartbeat-request':
      return ` round ${message.round} commit ${message.commitIndex}`
    case 'heartbeat-response':
      return ` round ${message.round}`
    case 'timeout-now':
      return ''
    case 'snapshot-request':
      return ` up to ${message.image.lastIndex}:t${message.image.lastTerm} bytes ${message.offset}+${message.data.length} of ${message.image.sizeBytes}`
    case 'snapshot-response':
      return ` up to ${message.image.lastIndex}:t${message.image.lastTerm} has ${message.receivedBytes} bytes`
    default:
      return unreachable(message)
  }
}

export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => {
    const text = entry.kind === 'command' ? new TextDecoder().decode(entry.data) : entry.kind
    return `${entry.index}:t${entry.term}${entry.kind === 'command' ? '=' : ' '}${text}`
  }).join(', ')
}

export function describeTransition(id: string, { role, term, leader, votedFor }: Transition): string {
  const following = role === 'follower' ? ` of ${leader ?? 'nobody'}` : ''
  return `  ${id} is ${role}${following} in t${term}, voted ${votedFor ?? 'for nobody'}`
}

export function describePersist(id: string, { hardState, entries, messages }: Persist): string {
  const state = hardState === null ? '' : ` t${hardState.term} vote ${hardState.votedFor ?? 'none'};`
  return `  ${id} writes${state} entries [${describeEntries(entries)}]; ${messages.length} messages wait`
}

export function describeRead(id: string, read: ReadOutcome): string {
  return `  ${id} read ${read.readId} ${read.kind === 'confirmed' ? `confirmed at ${read.readIndex}` : 'aborted'}`
}
