import { escapeHtml } from './html.ts'
import type { MemberRecord } from './member-records.ts'

/** Who led, in order of time; times in ms of the run. */
export interface Leadership {
  readonly member: string
  /** Null where only clients were asked. */
  readonly term: number | null
  readonly fromMs: number
  readonly toMs: number
}

export interface LeadershipFound {
  readonly spans: readonly Leadership[]
  /** `traces`: what members wrote of themselves. `asked`: who was named when asked once a second. */
  readonly source: 'traces' | 'asked' | 'none'
}

const rowsMax = 200

/**
 * By the members' own traces where there are any: an old leader that is cut off
 * leads until it learns better, so spans may overlap. Else by who was asked.
 */
export function leadership(members: readonly MemberRecord[], asked: readonly { readonly timeNs: number, readonly leader: string | null }[] | null, endMs: number): LeadershipFound {
  const traced = members.flatMap(({ member, roles }) => roles.flatMap(({ role, term, fromMs, toMs }) => role === 'leader' ? [{ member, term, fromMs, toMs }] : []))
  if (members.some(({ roles }) => roles.length > 0)) return { source: 'traces', spans: traced.sort((a, b) => a.fromMs - b.fromMs || a.term - b.term) }
  if (asked === null || asked.length === 0) return { source: 'none', spans: [] }
  return {
    source: 'asked',
    spans: asked.flatMap(({ timeNs, leader }, i) => {
      const toMs = i + 1 < asked.length ? asked[i + 1]!.timeNs / 1e6 : endMs
      return leader === null ? [] : [{ member: leader, term: null, fromMs: timeNs / 1e6, toMs }]
    }),
  }
}

export function leadershipHtml({ spans, source }: LeadershipFound, clocksLied: boolean): string {
  if (source === 'none') return ''
  const told = source === 'traces'
    ? `As each member's Raft trace has it, by the member's own wall clock${clocksLied ? ', which faults of this run made lie' : ''}. An old leader that is cut off leads until it learns of a newer one: spans may overlap, terms may not.`
    : 'The members of this system leave no trace; who led was asked once a second.'
  const rows = spans.slice(0, rowsMax).map(({ member, term, fromMs, toMs }) =>
    `<tr><td>${seconds(fromMs)}</td><td>${seconds(toMs)}</td><td>${escapeHtml(member)}</td><td>${term ?? ''}</td></tr>`)
  const more = spans.length > rowsMax ? `<p class="hint">… and ${spans.length - rowsMax} more</p>` : ''
  return `<section id="leadership"><h2>Leadership</h2><p class="hint">${told}</p>`
    + `<details${spans.length <= 12 ? ' open' : ''}><summary>${spans.length} ${spans.length === 1 ? 'leadership' : 'leaderships'}</summary><table><tr><th>from</th><th>to</th><th>leader</th><th>term</th></tr>${rows.join('')}</table>${more}</details></section>`
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`
