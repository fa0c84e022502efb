import t from 'tap'
import { makeTelemetry } from './telemetry.ts'

const start = Date.UTC(2026, 10, 21, 12, 37, 10)

function at(startMs: number, prometheusRetentionMs = 0) {
  const clock = { wallMs: startMs }
  return { clock, ...makeTelemetry({ wallMs: () => clock.wallMs, prometheusRetentionMs }) }
}

t.test('what is shown is the last interval that is over', async (t) => {
  const { clock, metrics, summary } = at(start + 500)
  metrics.count('raft.apply')
  metrics.count('raft.apply', 3)
  metrics.gauge('raft.last_index', 7)
  metrics.gauge('raft.last_index', 9)
  for (const value of [1, 2, 6]) metrics.sample('kvs.apply', value)
  metrics.sample('fsm.kvs', 4, { op: 'set' })
  metrics.sample('fsm.kvs', 5, { op: 'delete' })
  t.equal(summary().Timestamp, '2026-11-21 12:37:10 +0000 UTC', 'the present one, while none is over')
  clock.wallMs = start + 10_000
  metrics.count('raft.apply', 100)
  t.same(summary(), {
    Timestamp: '2026-11-21 12:37:10 +0000 UTC',
    Gauges: [{ Name: 'consul.raft.last_index', Value: 9, Labels: {} }],
    Points: [],
    Counters: [{ Name: 'consul.raft.apply', Count: 2, Rate: 0.4, Sum: 4, Min: 1, Max: 3, Mean: 2, Stddev: Math.sqrt(2), Labels: {} }],
    Samples: [
      { Name: 'consul.fsm.kvs', Count: 1, Rate: 0.5, Sum: 5, Min: 5, Max: 5, Mean: 5, Stddev: 0, Labels: { op: 'delete' } },
      { Name: 'consul.fsm.kvs', Count: 1, Rate: 0.4, Sum: 4, Min: 4, Max: 4, Mean: 4, Stddev: 0, Labels: { op: 'set' } },
      { Name: 'consul.kvs.apply', Count: 3, Rate: 0.9, Sum: 9, Min: 1, Max: 6, Mean: 3, Stddev: Math.sqrt(7), Labels: {} },
    ],
  })
  clock.wallMs = start + 20_000
  t.match(summary().Counters, [{ Name: 'consul.raft.apply', Sum: 100 }])
})

t.test('a clock that jumps back loses nothing but the interval', async (t) => {
  const { clock, metrics, summary } = at(start)
  metrics.count('x')
  clock.wallMs = start - 3_600_000
  metrics.count('x')
  t.equal(summary().Timestamp, '2026-11-21 12:37:10 +0000 UTC')
  clock.wallMs = start - 3_590_000
  t.equal(summary().Timestamp, '2026-11-21 11:37:10 +0000 UTC')
})

t.test('Prometheus gets all since the start, under names that it takes', async (t) => {
  const { metrics, prometheus, clock } = at(start, 60_000)
  metrics.count('raft.apply', 2)
  clock.wallMs += 100_000
  metrics.count('raft.apply', 3)
  metrics.gauge('raft.last_index', 9)
  metrics.sample('http.PUT.v1.kv._', 5)
  metrics.sample('fsm.kvs', 4, { op: 'set' })
  const { text, contentType } = await prometheus!()
  t.match(contentType, /^text\/plain/)
  for (const line of ['# TYPE consul_raft_apply counter', 'consul_raft_apply 5', 'consul_raft_last_index 9', 'consul_http_PUT_v1_kv__{quantile="0.5"} 5', 'consul_http_PUT_v1_kv___count 1', 'consul_fsm_kvs{quantile="0.99",op="set"} 4', 'consul_fsm_kvs_sum{op="set"} 4']) {
    t.ok(text.split('\n').includes(line), `${line} in\n${text}`)
  }
  t.equal(at(start).prometheus, null, 'off unless asked for')
})
