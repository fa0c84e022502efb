import type { Answer } from './answer.ts'

/** Who is alive in the eyes of the member that is asked: gossip's view, not the leader's. Consul documentation: `/v1/agent/members`. */
export interface MembersClient {
  /** All that the member knows, itself among them, in its order. Each name once. */
  view(): Promise<Answer<{ readonly members: readonly MemberView[] }>>
}

export interface MemberView {
  readonly name: string
  /** `suspect` where the system shows it; Consul shows a suspect as alive. */
  readonly status: 'alive' | 'suspect' | 'leaving' | 'left' | 'failed'
}
