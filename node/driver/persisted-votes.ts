import type { MemberId } from '../raft/entry.ts'
import type { Persist } from '../raft/ready.ts'

/**
 * The votes that a write makes durable, those in answers to candidates first.
 * While a write is under way a member may vote and then go on to a later term:
 * the next write has only that term, which keeps the vote too (it will not vote
 * again in the earlier one), and the answer that gives it.
 */
export function persistedVotes({ hardState, messages }: Pick<Persist, 'hardState' | 'messages'>): { readonly term: number, readonly votedFor: MemberId }[] {
  // Most writes are of entries.
  if (hardState === null && !messages.some(isVote)) return none
  const answered = messages.flatMap((message) =>
    message.kind === 'vote-response' && message.granted && !(hardState?.term === message.term && hardState.votedFor === message.to)
      ? [{ term: message.term, votedFor: message.to }] : [])
  return hardState === null || hardState.votedFor === null ? answered : [...answered, { term: hardState.term, votedFor: hardState.votedFor }]
}

const none: never[] = []
const isVote = ({ kind }: Persist['messages'][number]) => kind === 'vote-response'
