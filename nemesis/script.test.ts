import t from 'tap'
import { scriptFromRecords } from '../harness/runner/faults-to-script.ts'
import { nemeses } from './index.ts'
import { askedOf, parseFaultScript, scriptObjections } from './script.ts'

const members = ['n1', 'n2', 'n3']

t.test('a script is read in order of time', async (t) => {
  const { faults } = parseFaultScript({ faults: [{ at: 5, fault: 'kill', target: 'leader' }, { at: 1.5, for: 2, fault: 'clock', value: { clocks: 'wall' }, note: 'why' }] }, 'It')
  t.same(faults.map(({ at }) => at), [1.5, 5])
  t.same(askedOf(faults[1]!), { target: 'leader' })
  t.same(askedOf(faults[0]!), { clocks: 'wall' })
})

t.test('what is no script is refused in a sentence that says where', async (t) => {
  const refused: [unknown, RegExp][] = [
    [[], /expected object/],
    [{}, /faults: /],
    [{ faults: [{ fault: 'kill' }] }, /faults\.0\.at: /],
    [{ faults: [{ at: -1, fault: 'kill' }] }, /faults\.0\.at: /],
    [{ faults: [{ at: 1, for: 0, fault: 'kill' }] }, /faults\.0\.for: /],
    [{ faults: [{ at: 1, fault: 'kill', targets: 'n1' }] }, /faults\.0: .*targets/],
    [{ faults: [], mode: 'x' }, /mode/],
  ]
  for (const [value, sentence] of refused) {
    t.throws(() => parseFaultScript(value, 'The script x.json'), { name: 'FaultScriptError', message: sentence }, JSON.stringify(value))
    t.throws(() => parseFaultScript(value, 'The script x.json'), { message: /^The script x\.json is no script of faults: / })
  }
})

t.test('what does not fit the families or the members is said, each', async (t) => {
  const script = parseFaultScript({ faults: [
    { at: 1, fault: 'gremlins' },
    { at: 2, fault: 'kill', target: 'n9' },
    { at: 3, fault: 'clock', value: { skew: { kind: 'jump', offsetMs: 'far' } } },
    { at: 4, fault: 'partition', target: 'halves' },
  ] }, 'It')
  t.match(scriptObjections(script, nemeses, members), [
    /^faults\.0 \(gremlins at 1 s\): there is no such fault; there are partition, /,
    /^faults\.1 \(kill at 2 s\): "n9" is no target/,
    /^faults\.2 \(clock at 3 s\): .*offsetMs/,
  ])
})

t.test('a recorded run becomes a script: what started, when, with its value, for how long', async (t) => {
  const line = (fault: number, step: 'start' | 'stop' | 'skip', sinceMainS: number, error: string | null = null) =>
    ({ fault, name: 'kill', step, value: { target: 'one', members: [`n${fault + 1}`] }, askedNs: 0, doneNs: 0, sinceMainS, observed: null, error })
  const script = scriptFromRecords([
    line(0, 'start', 1.25), line(1, 'start', 2, 'the probe passed'), line(2, 'skip', 2.5, 'n1: …'), line(0, 'stop', 3.5, 'not yet'), line(0, 'stop', 9), line(2, 'start', 4),
  ], 'faults.jsonl')
  t.same(script, { faults: [
    { at: 1.25, for: 2.25, fault: 'kill', value: { target: 'one', members: ['n1'] } },
    { at: 4, fault: 'kill', value: { target: 'one', members: ['n3'] } },
  ] })
  t.same(parseFaultScript(JSON.parse(JSON.stringify(script)), 'It'), script, 'it is a script')
  t.same(scriptObjections(script, nemeses, members), [])
  t.throws(() => scriptFromRecords([line(0, 'start', 1), { fault: 'x' }], 'faults.jsonl'), { name: 'FaultScriptError', message: /faults\.jsonl, line 2/ })
})
