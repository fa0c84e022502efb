import t from 'tap'
import type { HistoryEvent } from '../history/event.ts'
import { pairOperations } from '../history/operations.ts'
import { linearizationAttempt } from './attempt.ts'
import { models } from './model.ts'

type Line = readonly [process: number, type: HistoryEvent['type'], f: string, value: unknown]

const operations = (lines: readonly Line[]) => pairOperations(lines.map(([process, type, f, value], index) => ({ index, time: index * 1e6, type, process, f, value }) as HistoryEvent))
const register = models['cas-register']

t.test('what returns before the impossible one is placed, in an order that real time allows', async (t) => {
  const attempt = linearizationAttempt(register, operations([
    [0, 'invoke', 'write', 1], [0, 'ok', 'write', 1],
    [1, 'invoke', 'write', 2], [2, 'invoke', 'cas', [1, 3]], [1, 'ok', 'write', 2], [2, 'ok', 'cas', [1, 3]],
    [3, 'invoke', 'read', null], [3, 'ok', 'read', 1],
  ]))
  t.same(attempt, {
    initial: 'absent',
    order: [{ index: 0, state: '1' }, { index: 3, state: '3' }, { index: 2, state: '2' }],
    impossible: 6,
  })
})

t.test('one that may have happened is placed only where it helps', async (t) => {
  const attempt = linearizationAttempt(register, operations([
    [0, 'invoke', 'write', 1], [0, 'info', 'write', 1], [1, 'invoke', 'write', 7], [1, 'info', 'write', 7],
    [2, 'invoke', 'read', null], [2, 'ok', 'read', 1], [2, 'invoke', 'read', null], [2, 'ok', 'read', null],
  ]))
  t.same(attempt?.order.map(({ index }) => index), [0, 4])
  t.equal(attempt?.impossible, 6)
})

t.test('a linearizable history is placed whole', async (t) => {
  const attempt = linearizationAttempt(register, operations([[0, 'invoke', 'write', 1], [1, 'invoke', 'read', null], [1, 'ok', 'read', 1], [0, 'ok', 'write', 1]]))
  t.same(attempt, { initial: 'absent', order: [{ index: 0, state: '1' }, { index: 1, state: '1' }], impossible: null })
})

t.test('too many orders to try are not tried', async (t) => {
  const open: Line[] = Array.from({ length: 24 }, (_, i) => [i, 'invoke', 'write', i])
  t.equal(linearizationAttempt(register, operations([...open, [99, 'invoke', 'read', null], [99, 'ok', 'read', 'never']])), null)
})
