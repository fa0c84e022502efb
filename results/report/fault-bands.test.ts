import t from 'tap'
import { faultBands } from './fault-bands.ts'

const event = (f: string, time: number, value: unknown = null, error?: string) =>
  ({ index: time, time: time * 1e6, type: 'info', process: 'nemesis', f, value, ...error === undefined ? {} : { error } }) as const

t.test('a band spans from the first start event to the last stop event; an open one to the end', async (t) => {
  t.same(faultBands([
    event('start-partition', 10, { target: 'bridge' }), event('start-partition', 12), event('start-kill', 15, { members: ['n2'] }),
    event('stop-partition', 20), event('stop-partition', 22), event('start-partition', 30),
  ], 50), [
    { name: 'partition', label: 'partition bridge', members: [], startMs: 10, endMs: 22 },
    { name: 'kill', label: 'kill n2', members: ['n2'], startMs: 15, endMs: 50 },
    { name: 'partition', label: 'partition', members: [], startMs: 30, endMs: 50 },
  ])
})

t.test('two of a family at the same time have a band each', async (t) => {
  const [a, b] = [{ members: ['n1'] }, { members: ['n2'] }]
  t.same(faultBands([
    event('start-loss', 1, a), event('start-loss', 2, a), event('start-loss', 3, b), event('start-loss', 4, b),
    event('stop-loss', 5, b), event('stop-loss', 6, b), event('stop-loss', 7, a), event('stop-loss', 8, a),
  ], 50).map(({ label, startMs, endMs }) => [label, startMs, endMs]), [['loss n1', 1, 8], ['loss n2', 3, 6]])
})

t.test('what did not fit, or failed, is over when that was said; a stop that failed leaves it on', async (t) => {
  const value = { members: ['n1'] }
  t.same(faultBands([
    event('start-damage', 1, value), event('start-damage', 3, value, 'not now: there is no snapshot'),
    event('start-damage', 10, value), event('start-damage', 11, value),
    event('stop-damage', 20, value), event('stop-damage', 21, value, 'it does not answer'),
    event('stop-damage', 30, value), event('stop-damage', 33, value),
    event('start-kill', 40, value), event('start-kill', 41, value), event('stop-kill', 42, value), event('stop-kill', 43, value, 'it does not answer'),
  ], 50).map(({ name, startMs, endMs }) => [name, startMs, endMs]), [['damage', 1, 3], ['damage', 10, 33], ['kill', 40, 50]])
})
