import type { SessionSpec } from './lock-history.ts'
import { numberIn, timedText, type TimedText } from './timed-text.ts'

/**
 * Histories of locks as text for tests; timed-text.ts says how times are written.
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
export function lockText(text: string): TimedText {
  const made = new Set<string>()
  return timedText(text, ([process, f, ...args], end) => {
    const { key, value, certain } = decode(f!, args, made)
    return { process: Number(process), f: f!, ...key === undefined ? {} : { key }, node: 'n1', asked: null, told: end === 'ok' ? { ...value, ...certain } : value }
  })
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
  return {
    ttlMs: numberIn(words, 'ttl', 10) * 1000, lockDelayMs: numberIn(words, 'delay', 0) * 1000,
    behavior: words.includes('+delete') ? 'delete' : 'release', endsWithMember: words.includes('+checked'),
  }
}
