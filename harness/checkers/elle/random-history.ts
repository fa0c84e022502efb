import type { Random } from '../../../node/base/random.ts'
import type { OperationEvent } from '../../history/event.ts'

type Micro = [f: 'append', key: string, value: number] | [f: 'r', key: string, list: number[] | null]

/**
 * A small history for tests: transactions that overlap, carried out in some
 * order by an imaginary system, some of them aborted or without an answer,
 * some of what was read changed. About half are strictly serializable.
 * `finalReads`: everything is read at the end, so that every append is seen or lost for certain.
 */
export function randomHistory(random: Random, finalReads: boolean): OperationEvent[] {
  const count = random.between(2, 6)
  const keys = ['x', 'y'].slice(0, random.between(1, 3))
  let value = 0
  const bodies = Array.from({ length: count }, () => Array.from({ length: random.between(1, 4) }, (): Micro => {
    const key = random.pick(keys)
    return random.chance(0.5) ? ['append', key, ++value] : ['r', key, null]
  }))
  const outcomes = bodies.map(() => random.pick(['ok', 'ok', 'ok', 'ok', 'info', 'fail'] as const))
  // When each begins, takes effect and ends; the effect mostly lies between.
  const times = bodies.map(() => {
    const begin = random.fraction() * 3
    const end = begin + random.fraction()
    return { begin, end, effect: random.chance(0.9) ? begin + random.fraction() * (end - begin) : random.fraction() * 4 }
  })
  const state = new Map<string, number[]>()
  const completed = new Map<number, Micro[]>()
  const effects = [...bodies.keys()].sort((a, b) => times[a]!.effect - times[b]!.effect)
  for (const i of effects) {
    const happens = outcomes[i] === 'ok' ? random.chance(0.97) : outcomes[i] === 'info' ? random.chance(0.5) : random.chance(0.05)
    const view = new Map(state)
    completed.set(i, bodies[i]!.map((micro): Micro => {
      const list = view.get(micro[1]) ?? []
      if (micro[0] === 'append') {
        view.set(micro[1], [...list, micro[2]])
        return micro
      }
      return ['r', micro[1], disturbed(random, list, value)]
    }))
    if (happens) for (const [key, list] of view) state.set(key, list)
  }
  if (finalReads) {
    const i = bodies.push(keys.map((key): Micro => ['r', key, null])) - 1
    outcomes.push('ok')
    times.push({ begin: 9, effect: 9, end: 10 })
    completed.set(i, keys.map((key): Micro => ['r', key, state.get(key) ?? []]))
  }
  const events = bodies.flatMap((body, process) => [
    { time: times[process]!.begin, process, type: 'invoke' as const, value: body },
    { time: times[process]!.end, process, type: outcomes[process]!, value: outcomes[process] === 'ok' ? completed.get(process)! : body },
  ])
  return events.sort((a, b) => a.time - b.time).map(({ process, type, value }, index) => ({ index, time: index, process, type, f: 'txn', value }))
}

/** Now and then something else than the list that is there. */
function disturbed(random: Random, list: readonly number[], valueMax: number): number[] {
  if (!random.chance(0.06)) return [...list]
  switch (random.between(0, 4)) {
    case 0: return list.slice(0, -1)
    case 1: return random.shuffle(list)
    case 2: return [...list, random.between(1, valueMax + 2)]
    default: return list.slice(1)
  }
}
