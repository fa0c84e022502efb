import type { Link } from '../harness/environments/environment.ts'
import type { Random } from '../node/base/random.ts'

/**
 * The shapes of partitions, as pure functions: from a seed, the members and
 * whom the system calls its leader, to the directed links that are cut.
 * After Jepsen's "grudges", with links instead of pairs, so that a cut can
 * work one way.
 */
export interface PartitionShape {
  readonly name: string
  readonly about: string
  /** With fewer members it would cut nothing, or be another shape. */
  readonly membersMin: number
  links(members: readonly string[], random: Random, leader: string | null): CutPlan
}

export interface CutPlan {
  /** Whom it is about, for the reader: those cut off, the smaller side, or the bridge. */
  readonly members: readonly string[]
  readonly links: readonly Link[]
}

export const partitionShapes: readonly PartitionShape[] = [
  {
    name: 'halves',
    about: 'two sides as equal as can be',
    membersMin: 2,
    links(members, random) {
      const [small, large] = split(random.shuffle(members), Math.floor(members.length / 2))
      return { members: small, links: between(small, large) }
    },
  },
  {
    name: 'majority-minority',
    about: 'the smallest majority on one side, all others on the other',
    membersMin: 3,
    links(members, random) {
      const [majority, minority] = split(random.shuffle(members), majorityOf(members.length))
      return { members: minority, links: between(minority, majority) }
    },
  },
  {
    name: 'isolate-one',
    about: 'one member, any, cut off from all others',
    membersMin: 2,
    links: (members, random) => isolate(members, random.pick(members)),
  },
  {
    name: 'isolate-leader',
    about: 'the leader cut off from all others; any member where there is none',
    membersMin: 2,
    links: (members, random, leader) =>
      isolate(members, leader !== null && members.includes(leader) ? leader : random.pick(members)),
  },
  {
    name: 'bridge',
    about: 'two sides that cannot see each other, and one member that sees both',
    membersMin: 3,
    links(members, random) {
      const [bridge, ...rest] = random.shuffle(members)
      const [left, right] = split(rest, Math.floor(rest.length / 2))
      return { members: [bridge!], links: between(left, right) }
    },
  },
  {
    name: 'majorities-ring',
    about: 'every member hears a majority, and no two the same one',
    membersMin: 3,
    links(members, random) {
      const ring = random.shuffle(members)
      const links: Link[] = []
      for (const [at, to] of ring.entries()) {
        const heard = ringWindow(ring, at)
        for (const from of ring) if (!heard.includes(from)) links.push({ from, to })
      }
      return { members: ring, links }
    },
  },
  {
    name: 'one-way-in',
    about: 'one member, any, still speaks to all others but hears none',
    membersMin: 2,
    links(members, random) {
      const deaf = random.pick(members)
      return { members: [deaf], links: others(members, deaf).map((from) => ({ from, to: deaf })) }
    },
  },
  {
    name: 'one-way-out',
    about: 'one member, any, still hears all others but none hears it',
    membersMin: 2,
    links(members, random) {
      const mute = random.pick(members)
      return { members: [mute], links: others(members, mute).map((to) => ({ from: mute, to })) }
    },
  },
]

/** These members cut off from all others; all of them: each from each. */
export function cutOff(members: readonly string[], struck: readonly string[]): CutPlan {
  const rest = members.filter((member) => !struck.includes(member))
  const links = rest.length > 0 ? between(struck, rest) : members.flatMap((from) => others(members, from).map((to) => ({ from, to })))
  return { members: struck, links }
}

export function majorityOf(memberCount: number): number {
  return Math.floor(memberCount / 2) + 1
}

/**
 * The majority that the member at `at` hears: itself and its nearest
 * neighbours around the ring. With an even number of neighbours as many on
 * either side; else one more after it than before. Windows of the same length
 * below the ring's that start in different places differ.
 */
function ringWindow(ring: readonly string[], at: number): readonly string[] {
  const size = majorityOf(ring.length)
  const before = Math.floor((size - 1) / 2)
  return Array.from({ length: size }, (_, offset) => ring[(at - before + offset + ring.length) % ring.length]!)
}

function isolate(members: readonly string[], member: string): CutPlan {
  return { members: [member], links: between([member], others(members, member)) }
}

const others = (members: readonly string[], member: string) => members.filter((other) => other !== member)

const split = <T>(items: readonly T[], count: number): [T[], T[]] => [items.slice(0, count), items.slice(count)]

/** Both directions of every link from one side to the other. */
function between(left: readonly string[], right: readonly string[]): Link[] {
  return left.flatMap((a) => right.flatMap((b) => [{ from: a, to: b }, { from: b, to: a }]))
}
