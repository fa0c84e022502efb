import type { Answer } from './answer.ts'

/** Who is alive in the eyes of the member that is asked: gossip's view, not the leader's. Consul documentation: `/v1/agent/members`. */
export interface MembersClient {
  view(): Promise<Answer<{ readonly members: readonly MemberView[] }>>
}

export interface MemberView {
  readonly name: string
  /** `suspect` where the system shows it. */
  readonly status: 'alive' | 'suspect' | 'leaving' | 'left' | 'failed'
}
