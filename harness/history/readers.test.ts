import fc from 'fast-check'
import t from 'tap'
import { HistoryFormatError } from './format-error.ts'
import { MalformedHistoryError, pairOperations } from './operations.ts'
import { readCsv } from './read-csv.ts'
import { readEdn } from './read-edn.ts'
import { readJepsenLog } from './read-jepsen-log.ts'
import { readHistoryFile } from './read-history.ts'
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

t.test('EDN of Jepsen with independent keys: the tuple is taken apart where one says so', async (t) => {
  const text = '{:type :invoke, :f :read, :value [12 nil], :process 0, :index 0}\n{:type :ok, :f :read, :value [12 [1 2]], :process 0, :index 1}\n{:type :info, :f :start, :value [:n1 :n2], :process :nemesis, :index 2}'
  t.match(readEdn(text, { independent: true }).events, [{ key: '12', value: null }, { key: '12', value: [1, 2] }, { process: 'nemesis', value: ['n1', 'n2'] }])
  t.match(readEdn(text).events, [{ value: [12, null] }, { value: [12, [1, 2]] }, {}])
  t.notOk('key' in readEdn(text).events[0]!)
})

t.test('EDN comes in pieces, with comments and brackets in texts, and ends where it says', async (t) => {
  const text = '; a "comment" with ] and [\n[ {:type :invoke, :process 0, :f :write, :value "a];b"}\n;; ]\n {:type :ok, :process 0, :f :write, :value "]"} ] ; done ]\n'
  for (const size of [1, 3, 1000]) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size))
    t.match(readEdn(pieces).events, [{ value: 'a];b' }, { value: ']' }], `pieces of ${size}`)
  }
  t.throws(() => readEdn('[{:type :ok, :process 0, :f :x} '), { name: 'HistoryFormatError', message: /does not end with \]/ })
  t.throws(() => readEdn('{:type :ok, :process 0'), { name: 'HistoryFormatError', message: /ends within an event/ })
  t.same(readEdn('; nothing\n').events, [])
})

t.test('CSV that somebody else wrote: columns by name, texts in quotes over several lines', async (t) => {
  const { events } = readCsv('process,type,f,value,note\n0,invoke,write,"{""a"": ""x,y"",\n ""b"": 1}",hm\n\n0,ok,write,3,\nnemesis,info,start,,\n')
  t.match(events, [{ index: 0, process: 0, type: 'invoke', value: { a: 'x,y', b: 1 } }, { index: 1, type: 'ok', value: 3 }, { process: 'nemesis', value: null }])
  const cases: readonly (readonly [string, RegExp])[] = [
    ['type,f\ninvoke,read', /names no column process/],
    ['type,process,f,value\ninvoke,0,write,a text', /line 2: the value is not JSON/],
    ['type,process,f\ninvoke,zero,read', /line 2: process is no number: "zero"/],
    ['type,process,f\ninvoke,0,"read', /line 2: a quote is not closed/],
    ['type,process,f\ninvoke,0,"read"x"y"', /line 2: a comma is missing/],
  ]
  for (const [text, message] of cases) t.throws(() => readCsv(text), { name: 'HistoryFormatError', message }, text)
})

t.test('what a newer version says of its run is not guessed at; what is no file of the format is said', async (t) => {
  const line = '{"index":0,"time":0,"type":"invoke","process":0,"f":"read","value":null}'
  const { events, notes, context } = readJsonl(`{"splitbrain":2,"plan":{}}\n${line}`)
  t.equal(events.length, 1)
  t.equal(context, null)
  t.match(notes, [/another version of splitbrain/])
  const here = new URL(import.meta.url).pathname
  await t.rejects(readHistoryFile(here, 'parquet'), { name: 'UsageError', message: /readers\.test\.ts: not Parquet/ })
  await t.rejects(readHistoryFile('/nowhere/x.csv', 'csv'), { name: 'UsageError', message: /\/nowhere\/x\.csv cannot be read/ })
})
