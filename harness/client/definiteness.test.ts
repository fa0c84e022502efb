import t from 'tap'
import type { HttpOutcome } from '../environments/environment.ts'
import { definitenessTable, failureOf } from './definiteness.ts'

const answer = (status: number, text: string): HttpOutcome =>
  ({ kind: 'response', status, headers: {}, body: new TextEncoder().encode(text) })

t.test('a write that failed: did it happen?', async (t) => {
  const cases: [HttpOutcome, 'fail' | 'info'][] = [
    [{ kind: 'not-sent', error: 'ECONNREFUSED' }, 'fail'],
    [{ kind: 'lost', error: 'timed out' }, 'info'],
    [{ kind: 'lost', error: 'ECONNRESET' }, 'info'],
    [answer(500, 'No cluster leader'), 'fail'],
    [answer(500, 'rpc error making call: No cluster leader'), 'fail'],
    [answer(500, 'No known Consul servers'), 'fail'],
    [answer(500, 'node is not the leader'), 'fail'],
    [answer(500, 'rpc error making call: node is not the leader'), 'fail'],
    [answer(500, 'leadership transfer in progress'), 'fail'],
    [answer(500, 'timed out enqueuing operation'), 'fail'],
    [answer(500, 'invalid session "adf4238a-882b-9ddc-4a9d-5b6758e4159e"'), 'fail'],
    [answer(500, 'rpc error making call: invalid session "adf4238a-882b-9ddc-4a9d-5b6758e4159e"'), 'fail'],
    [answer(500, 'leadership lost while committing log'), 'info'],
    [answer(500, 'rpc error making call: leadership lost while committing log'), 'info'],
    [answer(500, 'rpc error making call: EOF'), 'info'],
    [answer(500, 'No cluster leader was found after the write'), 'info'],
    [answer(500, ''), 'info'],
    [answer(502, 'bad gateway'), 'info'],
    [answer(503, ''), 'info'],
    [answer(504, ''), 'info'],
    [answer(301, ''), 'fail'],
    [answer(400, 'Missing key name'), 'fail'],
    [answer(403, 'Permission denied'), 'fail'],
    [answer(408, ''), 'info'],
    [answer(413, 'too large'), 'fail'],
    [answer(200, 'tr'), 'info'],
  ]
  for (const [outcome, expected] of cases) {
    const failure = failureOf(outcome, 'write')
    t.equal(failure.type, expected, failure.error)
    t.not(failure.error, '', 'says what happened')
    t.equal(failureOf(outcome, 'read').type, 'fail', 'a read has no effect')
  }
})

t.test('the last row catches everything, and doubts', async (t) => {
  const last = definitenessTable.at(-1)!
  t.equal(last.matches(answer(599, 'x')), true)
  t.equal(last.write, 'info')
})

t.test('a long answer is cut in the reason', async (t) => {
  t.ok(failureOf(answer(500, 'x'.repeat(5000)), 'write').error.length < 250)
})
