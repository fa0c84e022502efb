import { unreachable } from '../../node/base/assert.ts'

/** What `compare --members` does to each cluster. */
export const membersFaults = ['1 lost, a follower', '1 lost, the leader', '2 lost, followers', '2 lost, the leader too', 'even split', 'odd split'] as const
export type MembersFault = (typeof membersFaults)[number]

/** Sizes of the groups that still hear each other, the largest first; null where so few members cannot be struck so. */
export function groupSizes(fault: MembersFault, members: number): readonly number[] | null {
  switch (fault) {
    case '1 lost, a follower': case '1 lost, the leader': return members < 2 ? null : [members - 1]
    case '2 lost, followers': case '2 lost, the leader too': return members < 3 ? null : [members - 2]
    // Of an odd number the nearest there is.
    case 'even split': return members < 2 ? null : [Math.ceil(members / 2), Math.floor(members / 2)]
    case 'odd split': return members < 3 ? null : [members - 1, 1]
    default: return unreachable(fault)
  }
}

/** Raft's (and every majority vote's): more than half. */
export const quorumOf = (members: number) => Math.floor(members / 2) + 1

/** Whether quorums predict that the largest group goes on. */
export function goesOnByQuorum(fault: MembersFault, members: number): boolean {
  const sizes = groupSizes(fault, members)
  return sizes !== null && sizes[0]! >= quorumOf(members)
}
