import t from 'tap'
import { availability } from '../../harness/checkers/availability.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { availabilityHtml } from './availability-html.ts'

const event = { process: 0, f: '<read>', key: 'k', value: 1 } as const
const history: HistoryEvent[] = [{ ...event, index: 0, time: 0, type: 'invoke' }, { ...event, index: 1, time: 1e9, type: 'ok' }]
const fault = { fault: 0, name: 'kill', step: 'start', value: {}, askedNs: 0.5e9, doneNs: 0.6e9, sinceMainS: 0.5, observed: null, error: null } as const

t.test('by operation and by fault, as text', async (t) => {
  const html = availabilityHtml([availability({ history, faults: [fault], leaders: [], timeLimitS: 5 })])
  t.match(html, /&lt;read&gt;<\/th><td>100\.0 %<\/td><td>1<\/td><td>0<\/td><td>0<\/td>/)
  t.match(html, /kill<\/th><td>0\.50 s<\/td><td>the end<\/td>.*<td>none<\/td>/)
  t.notMatch(html, /<read>/)
})

t.test('nothing where there is nothing to tell', async (t) => {
  t.equal(availabilityHtml([]), '')
  t.equal(availabilityHtml([availability({ history: [], faults: [], leaders: [], timeLimitS: 5 })]), '')
})
