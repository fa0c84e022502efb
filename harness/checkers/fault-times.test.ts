import t from 'tap'
import type { FaultRecord } from '../runner/fault-record.ts'
import { faultSpans, stretches } from './fault-times.ts'
import { catalogImpact } from './catalog-impact.ts'
import { CatalogLag, lagBounds } from './catalog-lag.ts'
import { gossipImpact } from './gossip-impact.ts'

const record = (fault: number, step: FaultRecord['step'], askedNs: number, doneNs: number, error: string | null = null): FaultRecord =>
  ({ fault, name: 'kill', step, value: { members: ['n1'] }, askedNs, doneNs, sinceMainS: 0, observed: error === null ? {} : null, error })

t.test('what is certain of a fault\'s times', async (t) => {
  const spans = faultSpans([
    record(0, 'start', 10, 12), record(0, 'stop', 20, 25),
    record(1, 'start', 30, 32, 'no proof'),
    record(2, 'skip', 40, 40, 'it does not fit'),
    record(3, 'skip', 50, 55, 'not now'),
    record(4, 'start', 60, 61), record(4, 'stop', 70, 72, 'not mended'), record(4, 'stop', 80, 81),
    record(5, 'start', 90, 91),
  ])
  t.same(spans.map(({ fault, mayBeginNs, onNs, untilNs, overNs }) => [fault, mayBeginNs, onNs, untilNs, overNs]), [
    [0, 10, 12, 20, 25],
    [1, 30, Infinity, -Infinity, Infinity],
    [3, 50, Infinity, -Infinity, 55],
    [4, 60, 61, 70, 81],
    [5, 90, 91, Infinity, Infinity],
  ])
  t.same(stretches(spans).map(({ spans: { length }, fromNs, toNs }) => [length, fromNs, toNs]), [[1, 10, 25], [4, 30, Infinity]])
})

t.test('what gossip feels of a fault', async (t) => {
  const all = ['n1', 'n2', 'n3']
  const kindOf = (name: string, value: object, observed: unknown = {}) => gossipImpact({ name, value, observed }, all)
  const links = ['n3>n1', 'n1>n3', 'n2>n3', 'n3>n2']
  t.same(kindOf('kill', { members: ['n2'] }), { kind: 'silent', members: ['n2'] })
  t.same(kindOf('partition', { links, traffic: 'all' }), { kind: 'apart', members: ['n3'] })
  t.same(kindOf('partition', { links, traffic: 'gossip' }), { kind: 'apart', members: ['n3'] })
  t.same(kindOf('partition', { links, traffic: 'raft' }), { kind: 'none' })
  t.same(kindOf('partition', { links: links.slice(1), traffic: 'all' }), { kind: 'disturbed' }, 'one way')
  t.same(kindOf('partition', { links: ['n1>n2', 'n2>n1'], traffic: 'all' }), { kind: 'disturbed' }, 'a bridge')
  t.same(kindOf('loss', { links, traffic: 'raft' }), { kind: 'none' })
  t.same(kindOf('loss', { links, traffic: 'gossip' }), { kind: 'disturbed' })
  t.same(kindOf('clock', { members: ['n1'], clocks: 'wall' }), { kind: 'none' })
  t.same(kindOf('clock', { members: ['n1'], clocks: 'all' }), { kind: 'disturbed' })
  t.same(kindOf('membership', { kind: 'leave-rejoin', members: ['n1'] }, [{ left: 'n1', id: 'x' }]), { kind: 'left', members: ['n1'] })
  t.same(kindOf('membership', { kind: 'leave-rejoin', members: ['n1'] }, [{ mayFollow: 'no answer' }]), { kind: 'disturbed' })
  t.same(kindOf('something new', {}), { kind: 'disturbed' })
})

t.test('what the catalog feels of a fault', async (t) => {
  const kindOf = (name: string, value: object) => catalogImpact({ name, value }).kind
  t.equal(kindOf('partition', { traffic: 'gossip' }), 'gossip')
  t.equal(kindOf('partition', { traffic: 'clients' }), 'none')
  t.equal(kindOf('partition', { traffic: 'raft' }), 'disturbed')
  t.equal(kindOf('damage', { members: ['n1'] }), 'disk-lost')
  t.equal(kindOf('clock', { clocks: 'wall' }), 'none')
  t.equal(kindOf('something new', {}), 'disturbed')
})

t.test('how long ago the state may be that the catalog shows', async (t) => {
  const bounds = lagBounds(1000, 3)
  const lag = new CatalogLag([{ mayBeginNs: 100e9, overNs: 110e9 }, { mayBeginNs: 130e9, overNs: 140e9 }], bounds)
  const since = (seconds: number) => lag.reflectedSinceNs(seconds * 1e9, bounds.retryMs) / 1e9
  t.equal(since(50), 49, 'in peace: a push ago')
  t.equal(since(105), 99, 'in trouble: as in the last peace')
  t.equal(since(120), 99, 'shortly after it too')
  t.equal(since(135), 99, 'and in the next trouble, with no peace between')
  t.equal(since(140 + bounds.retryMs / 1000), 139 + bounds.retryMs / 1000, 'peace again')
  t.ok(lag.isSettled(10e9, 99e9))
  t.notOk(lag.isSettled(10e9, 101e9))
  t.notOk(lag.isSettled(200e9, 201e9))
  t.ok(lag.isSettled(140e9 + bounds.fullSyncMs * 1e6, 400e9))
})
