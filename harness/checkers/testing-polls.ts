import type { OperationEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'

/** How long each poll of a test takes. */
const pollNs = 10e6

/**
 * Polls as readable text, for tests: `0 to 20 every 1: n1 n2 see n1 n2 n3=failed`
 * is one poll a second by each of those before `see`, from 0 s until before
 * 20 s, that shows what stands behind it; without a status alive, without a
 * name unknown. Each observer is one worker. Lines may overlap in time.
 */
export function pollsText(text: string): OperationEvent[] {
  const found: { readonly time: number, readonly observer: string, readonly view: Record<string, string> }[] = []
  for (const line of text.trim().split('\n')) {
    const match = /^\s*([\d.]+) to ([\d.]+) every ([\d.]+): (.*) see (.*)$/.exec(line)
    if (match === null) throw new Error(`no line of polls: ${line}`)
    const [from, to, every] = match.slice(1, 4).map(Number) as [number, number, number]
    const view = Object.fromEntries(match[5]!.trim().split(/\s+/).map((part) => {
      const [name, status = 'alive'] = part.split('=')
      return [name!, status]
    }))
    for (let i = 0; from + i * every < to; i++) {
      for (const [at, observer] of match[4]!.trim().split(/\s+/).entries()) found.push({ time: (from + i * every) * 1e9 + at * 1e6, observer, view })
    }
  }
  const observers = [...new Set(found.map(({ observer }) => observer))].sort()
  const events = found.flatMap(({ time, observer, view }) => {
    const base = { process: observers.indexOf(observer), f: 'view', node: observer }
    return [{ ...base, time, type: 'invoke' as const, value: null }, { ...base, time: time + pollNs, type: 'ok' as const, value: view }]
  })
  return events.sort((a, b) => a.time - b.time).map((event, index) => ({ ...event, index }))
}

/**
 * Faults as readable text: `kill n2 from 20 to 60`, with what else is asked of the
 * family behind it as JSON. A step takes a tenth of a second. `to end`: never mended.
 */
export function faultsText(text: string): FaultRecord[] {
  const records = text.trim().split('\n').filter((line) => line.trim() !== '').flatMap((line, fault): FaultRecord[] => {
    const match = /^\s*([\w-]+)((?: n\d+)*) from ([\d.]+) to ([\d.]+|end)(?: (\{.*\}))?$/.exec(line)
    if (match === null) throw new Error(`no fault: ${line}`)
    const [, name, members, from, to, more] = match as unknown as [string, string, string, string, string, string | undefined]
    const names = members.trim() === '' ? [] : members.trim().split(' ')
    const value = { members: names, ...more === undefined ? {} : JSON.parse(more) as object }
    const step = (step: 'start' | 'stop', seconds: number): FaultRecord => ({
      fault, name, step, value, askedNs: seconds * 1e9, doneNs: (seconds + 0.1) * 1e9, sinceMainS: seconds,
      observed: 'observed' in value ? value.observed : {}, error: null,
    })
    return [step('start', Number(from)), ...to === 'end' ? [] : [step('stop', Number(to))]]
  })
  return records.sort((a, b) => a.askedNs - b.askedNs)
}

/** Every link between these members and the others, both ways, as a partition has it. */
export function cutLinks(side: readonly string[], others: readonly string[]): string {
  return JSON.stringify({ traffic: 'gossip', links: side.flatMap((a) => others.flatMap((b) => [`${a}>${b}`, `${b}>${a}`])) })
}
