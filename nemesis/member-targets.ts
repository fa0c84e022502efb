import type { Random } from '../node/base/random.ts'
import { majorityOf } from './targets.ts'

/** Whom a fault strikes, as a pure function of the members, the seed and whom the system calls its leader. */
export interface MemberTarget {
  readonly name: string
  readonly about: string
  /** In the members' order; never empty. */
  choose(members: readonly string[], random: Random, leader: string | null): readonly string[]
}

export const memberTargets: readonly MemberTarget[] = [
  { name: 'one', about: 'one member, any', choose: (members, random) => draw(members, random, 1) },
  { name: 'leader', about: 'the leader; any member where there is none', choose: (members, random, leader) => [leaderOrAny(members, random, leader)] },
  {
    name: 'followers', about: 'all but the leader',
    choose(members, random, leader) {
      const spared = leaderOrAny(members, random, leader)
      return members.length === 1 ? members : members.filter((member) => member !== spared)
    },
  },
  { name: 'minority', about: 'the largest minority', choose: (members, random) => draw(members, random, members.length - majorityOf(members.length)) },
  { name: 'majority', about: 'the smallest majority', choose: (members, random) => draw(members, random, majorityOf(members.length)) },
  { name: 'all', about: 'all members', choose: (members) => members },
  { name: 'random', about: 'any number of members, any', choose: (members, random) => draw(members, random, random.between(1, members.length + 1)) },
]

const byName = new Map(memberTargets.map((target) => [target.name, target]))

/** Whether it can be told only by asking the system. */
export const needsLeader = (target: string): boolean => target === 'leader' || target === 'followers'

/** Members that are named instead of described: `n2`, or `n1+n3`. Null where it is no such list. */
export function namedMembers(target: string, members: readonly string[]): readonly string[] | null {
  const names = target.split('+')
  return names.every((name) => members.includes(name)) ? members.filter((member) => names.includes(member)) : null
}

export function isMemberTarget(target: string, members: readonly string[]): boolean {
  return byName.has(target) || namedMembers(target, members) !== null
}

/** @throws Error if there is no such target; whoever takes targets from a user checks with `isMemberTarget` */
export function chooseMembers(target: string, members: readonly string[], random: Random, leader: string | null): readonly string[] {
  const described = byName.get(target)
  if (described !== undefined) return described.choose(members, random, leader)
  const named = namedMembers(target, members)
  if (named === null) throw new Error(`${target} is neither a kind of target nor members of ${members.join(', ')}`)
  return named
}

function draw(members: readonly string[], random: Random, count: number): readonly string[] {
  const drawn = new Set(random.shuffle(members).slice(0, Math.max(1, count)))
  return members.filter((member) => drawn.has(member))
}

function leaderOrAny(members: readonly string[], random: Random, leader: string | null): string {
  return leader !== null && members.includes(leader) ? leader : random.pick(members)
}
