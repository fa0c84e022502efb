import fc from 'fast-check'
import t from 'tap'
import { HistoryFormatError } from './format-error.ts'
import { MalformedHistoryError, pairOperations } from './operations.ts'
import { readEdn } from './read-edn.ts'
import { readJepsenLog } from './read-jepsen-log.ts'
import { readJsonl } from './read-jsonl.ts'

t.test('our own lines, and the torn last line of a killed run', async (t) => {
  const lines = [
    '{"index":0,"time":5,"type":"invoke","process":0,"f":"write","key":"k","value":1,"node":"n1"}',
    '{"index":1,"time":6,"type":"info","process":"nemesis","f":"start-partition","value":null}',
    '{"index":2,"time":9,"type":"ok","process":0,"f":"write","key":"k","value":1,"version":7,"node":"n1"}',
  ]
  const whole = readJsonl(lines.join('\n'))
  t.equal(whole.events.length, 3)
  t.match(whole.events[2], { type: 'ok', version: 7, node: 'n1', key: 'k' })
  const torn = readJsonl(lines.join('\n').slice(0, -20))
  t.equal(torn.events.length, 2)
  t.match(torn.notes, [/line 3 is torn/])
  t.throws(() => readJsonl([lines[0], '{"a"', lines[2]].join('\n')), { name: 'HistoryFormatError', message: /line 2/ })
  t.throws(() => readJsonl('{"type":"okay","process":0,"f":"x"}'), { message: /line 1: not an event/ })
})

t.test('EDN as Jepsen writes it: a vector, a list, or map after map; comments; nemesis', async (t) => {
  const maps = '{:type :invoke, :process 0, :f :cas, :value [1 2]} ; a "comment"\n {:type :info, :process :nemesis, :f :start, :value nil}\n {:type :ok, :process 0, :f :cas, :value [1 2], :error [:x nil]}'
  for (const text of [`[${maps}]`, `(${maps})`, maps]) {
    const { events } = readEdn(text)
    t.match(events, [{ type: 'invoke', process: 0, f: 'cas', value: [1, 2] }, { process: 'nemesis' }, { type: 'ok', index: 2 }])
  }
  t.throws(() => readEdn('[{:type :ok'), { name: 'HistoryFormatError' })
  t.throws(() => readEdn('[1 2]'), { message: /event 1: not a map/ })
})

t.test('a log of Jepsen: other lines are passed over, time-outs keep their reason', async (t) => {
  const { events } = readJepsenLog('noise\nINFO  jepsen.util - 3\t:invoke\t:read\tnil\nINFO  jepsen.util - 3\t:info\t:read\t:timed-out\nINFO  jepsen.util - 4   :invoke :cas    [1 2]')
  t.match(events, [{ process: 3, type: 'invoke', value: null }, { type: 'info', error: 'timed-out' }, { process: 4, f: 'cas', value: [1, 2] }])
  t.throws(() => readJepsenLog('INFO  jepsen.util - 3\t:maybe\t:read\tnil'), { message: /line 1: unknown type :maybe/ })
})

t.test('events that contradict each other are an error that names them', async (t) => {
  const event = (type: 'invoke' | 'ok', f: string, index: number) => ({ index, time: 0, type, process: 1, f, value: null })
  t.throws(() => pairOperations([event('ok', 'read', 0)]), MalformedHistoryError)
  t.throws(() => pairOperations([event('invoke', 'read', 0), event('invoke', 'read', 1)]), { message: /index 1.*index 0/ })
  t.throws(() => pairOperations([event('invoke', 'read', 0), event('ok', 'write', 1)]), { message: /invoked read/ })
})

t.test('whatever the bytes, a reader answers or says what is wrong', async (t) => {
  for (const read of [readJsonl, readEdn, readJepsenLog]) {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.stringMatching(/^[[({:a-z 0-9"\]})]*$/)), (text) => {
      try {
        read(text)
      } catch (error) {
        if (!(error instanceof HistoryFormatError)) throw error
      }
    }), { numRuns: 2000 })
  }
  t.pass()
})
