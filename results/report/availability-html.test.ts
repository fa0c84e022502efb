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

t.test('many faults are told by family first', async (t) => {
  const reads = Array.from({ length: 10 }, (_, i): HistoryEvent[] => [
    { ...event, index: 2 * i, time: i * 5e8, type: 'invoke' }, { ...event, index: 2 * i + 1, time: i * 5e8 + 1e8, type: 'ok' },
  ]).flat()
  const times = [0.45, 1.4, 2.3, ...Array.from({ length: 10 }, () => 4.9)]
  const faults = times.map((sinceMainS, i) => ({ ...fault, fault: i, name: i < 3 ? 'pause' : 'kill', askedNs: sinceMainS * 1e9, doneNs: sinceMainS * 1e9, sinceMainS }))
  const html = availabilityHtml([availability({ history: reads, faults, leaders: [], timeLimitS: 5 })])
  t.match(html, /pause<\/th><td>3<\/td><td>100\.0 %<\/td><td>21<\/td><td>0<\/td><td>0<\/td><td>0\.20 s<\/td><td>0\.30 s<\/td><td><\/td><td><\/td>/)
  t.match(html, /kill<\/th><td>10<\/td><td><\/td><td>0<\/td><td>0<\/td><td>0<\/td><td>none<\/td><td>none<\/td><td><\/td><td><\/td>/)
  t.match(html, /<details><summary>13 faults, one by one<\/summary>/)
})

t.test('nothing where there is nothing to tell', async (t) => {
  t.equal(availabilityHtml([]), '')
  t.equal(availabilityHtml([availability({ history: [], faults: [], leaders: [], timeLimitS: 5 })]), '')
})
