import { unreachable } from '../../../node/base/assert.ts'
import type { Random } from '../../../node/base/random.ts'
import type { MembersFault } from '../../../results/compare/members-faults.ts'
import type { Link } from '../../environments/environment.ts'

/** A fault of `compare --members`, on given members. */
export interface Scenario {
  readonly fault: MembersFault
  readonly killed: readonly string[]
  /** Who still hear each other, the largest group first; those that were killed are in none. */
  readonly groups: readonly (readonly string[])[]
}

/**
 * Who is struck. Followers are drawn. A split leaves the leader on the smaller
 * side, so that the larger one has to elect: the harder case, and the one in
 * which a quorum shows.
 */
export function drawScenario(fault: MembersFault, members: readonly string[], leader: string, random: Random): Scenario {
  const followers = random.shuffle(members.filter((member) => member !== leader))
  const lose = (killed: readonly string[]): Scenario => ({ fault, killed, groups: [members.filter((member) => !killed.includes(member))] })
  const split = (larger: number): Scenario => ({ fault, killed: [], groups: [followers.slice(0, larger), [leader, ...followers.slice(larger)]] })
  switch (fault) {
    case '1 lost, a follower': return lose(followers.slice(0, 1))
    case '1 lost, the leader': return lose([leader])
    case '2 lost, followers': return lose(followers.slice(0, 2))
    case '2 lost, the leader too': return lose([leader, followers[0]!])
    case 'even split': return split(Math.ceil(members.length / 2))
    case 'odd split': return split(members.length - 1)
    default: return unreachable(fault)
  }
}

/** Every directed link between two groups. */
export function linksBetween(groups: readonly (readonly string[])[]): Link[] {
  return groups.flatMap((side, at) => groups.filter((_, other) => other !== at).flatMap((other) => side.flatMap((from) => other.map((to) => ({ from, to })))))
}
