import t from 'tap'
import type { HistoryEvent } from '../../harness/history/event.ts'
import { toEdn } from './edn.ts'

const lines = (events: readonly HistoryEvent[]) => [...toEdn(events, null)].join('').trimEnd().split('\n')

t.test('the shapes that Jepsen\'s tools read', async (t) => {
  t.same(lines([
    { index: 0, time: 12, type: 'invoke', process: 0, f: 'read', value: null },
    { index: 1, time: 13, type: 'ok', process: 0, f: 'read', key: 'k1', value: 3, version: 41, node: 'n1' },
    { index: 2, time: 14, type: 'fail', process: 1, f: 'cas', key: 'k1', value: [3, 4], consistency: 'stale', node: 'n2', error: 'index 7: "no"' },
    { index: 3, time: 15, type: 'info', process: 2, f: 'txn', value: [['append', 'k1', 2], ['r', 'k2', null], ['r', 'k1', [1, 2]]] },
    { index: 4, time: 16, type: 'info', process: 'nemesis', f: 'start-partition', value: { members: ['n1'], 'odd key': 1.5, none: null } },
    { index: 5, time: 17, type: 'ok', process: 3, f: 'read', value: ['1', 'a\nb', true, -7, []] },
  ]), [
    ';; splitbrain {"tuples":true}',
    '{:type :invoke, :f :read, :value nil, :process 0, :time 12, :index 0}',
    '{:type :ok, :f :read, :value ["k1" 3], :process 0, :time 13, :index 1, :key "k1", :node "n1", :version 41}',
    '{:type :fail, :f :cas, :value ["k1" [3 4]], :process 1, :time 14, :index 2, :key "k1", :node "n2", :consistency :stale, :error "index 7: \\"no\\""}',
    '{:type :info, :f :txn, :value [[:append "k1" 2] [:r "k2" nil] [:r "k1" [1 2]]], :process 2, :time 15, :index 3}',
    '{:type :info, :f :start-partition, :value {:members ["n1"], "odd key" 1.5, :none nil}, :process :nemesis, :time 16, :index 4}',
    '{:type :ok, :f :read, :value ["1" "a\\nb" true -7 []], :process 3, :time 17, :index 5}',
  ])
})
