import type { HistoryEvent } from '../history/event.ts'
import type { FaultRecord } from '../runner/fault-record.ts'
import type { SessionSpec } from './lock-history.ts'

/** What is judged of a text. */
export interface LockText {
  readonly history: readonly HistoryEvent[]
  readonly faults: readonly FaultRecord[]
}

/**
 * Histories of locks as text for tests, an operation a line with its times in
 * seconds: `1.0-1.1` succeeded, `1.0~1.1` may have happened, `1.0x1.1` failed.
 *
 *     1.0-1.1 0 acquire a s1 t1 held ttl=10 delay=2   (or refused, unknown; +delete, +checked)
 *     2.0-2.1 0 release a s1 t2 yes                   (or no)
 *     2.0-2.1 0 renew s1 known                        (or unknown)
 *     2.0-2.1 0 destroy s1
 *     3.0-3.1 1 read a s1 t1 1 10                     (holder or free, token, LockIndex, ModifyIndex; or absent)
 *     3.0-3.1 1 guard a s1 t1 t2                      (read t1 or -, wrote t2)
 *     9.0-9.1 1 cycle a s9 t9 held 100                (or stuck; milliseconds waited, of these in quiet)
 *     4.0-5.0 fault clock {"members":["n1"]}
 *
 * A session is made by the first acquisition that names it, at member n1.
 */
export function lockText(text: string): LockText {
  const events: { readonly time: number, readonly order: number, readonly event: Omit<HistoryEvent, 'index' | 'time'> }[] = []
  const faults: FaultRecord[] = []
  const made = new Set<string>()
  for (const line of text.trim().split('\n').map((one) => one.trim()).filter((one) => one !== '')) {
    const [, from, how, to, rest] = /^([\d.]+)([-~x])([\d.]+)\s+(.*)$/.exec(line) ?? []
    if (rest === undefined) throw new Error(`no operation: ${line}`)
    const [fromNs, toNs] = [Math.round(Number(from) * 1e9), Math.round(Number(to) * 1e9)]
    const words = rest.split(/\s+/)
    if (words[0] === 'fault') {
      const fault = faults.length
      const common = { fault, name: words[1]!, value: JSON.parse(words.slice(2).join(' ') || '{}'), sinceMainS: 0, observed: null, error: null }
      faults.push({ ...common, step: 'start', askedNs: fromNs, doneNs: fromNs }, { ...common, step: 'stop', askedNs: toNs, doneNs: toNs })
      continue
    }
    const [process, f, ...args] = words as [string, string, ...string[]]
    const { key, value, certain } = decode(f, args, made)
    const common = { process: Number(process), f, ...key === undefined ? {} : { key }, node: 'n1' }
    const type = how === '-' ? 'ok' : how === '~' ? 'info' : 'fail'
    events.push({ time: fromNs, order: events.length, event: { ...common, type: 'invoke', value: null } })
    events.push({ time: toNs, order: events.length, event: { ...common, type, value: type === 'ok' ? { ...value, ...certain } : value, ...type === 'ok' ? {} : { error: 'lost' } } })
  }
  const sorted = events.sort((a, b) => a.time - b.time || a.order - b.order)
  return { history: sorted.map(({ time, event }, index) => ({ ...event, index, time }) as HistoryEvent), faults: faults.sort((a, b) => a.askedNs - b.askedNs) }
}

interface Decoded {
  readonly key?: string
  readonly value: object
  /** What only an answer tells. */
  readonly certain: object
}

function decode(f: string, args: readonly string[], made: Set<string>): Decoded {
  const [first = '', second = '', third = '', fourth = '', fifth = ''] = args
  switch (f) {
    case 'acquire': {
      const fresh = !made.has(second)
      made.add(second)
      return {
        key: first, value: { session: second, token: third, ...fresh ? { created: specOf(args.slice(4)) } : {} },
        certain: { held: fourth === 'held', known: fourth !== 'unknown' },
      }
    }
    case 'release': return { key: first, value: { session: second, token: third }, certain: { released: fourth === 'yes' } }
    case 'renew': return { value: { session: first }, certain: { known: second === 'known' } }
    case 'destroy':
    case 'abandon': return { value: { session: first }, certain: {} }
    case 'read': return {
      key: first, certain: {},
      value: { lock: second === 'absent' ? null : { session: second === 'free' ? null : second, token: third, lockIndex: Number(fourth), version: Number(fifth) } },
    }
    case 'guard': return { key: first, value: { session: second, from: third === '-' ? null : third, to: fourth }, certain: {} }
    case 'cycle': return { key: first, value: { session: second, token: third, releaseToken: `${third}/released` }, certain: { held: fourth === 'held', waitedMs: Number(fifth), quietMs: Number(args[5] ?? fifth) } }
    default: throw new Error(`no operation on locks: ${f}`)
  }
}

function specOf(words: readonly string[]): SessionSpec {
  const number = (name: string, otherwise: number) => Number(words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? otherwise)
  return {
    ttlMs: number('ttl', 10) * 1000, lockDelayMs: number('delay', 0) * 1000,
    behavior: words.includes('+delete') ? 'delete' : 'release', endsWithMember: words.includes('+checked'),
  }
}
