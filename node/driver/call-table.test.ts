import t from 'tap'
import { adjustableMachine } from '../testing/adjustable-machine.ts'
import { CallTable } from './call-table.ts'

t.test('what waits runs out in its time, in order, and not if it was taken', async (t) => {
  const { scheduler, pass } = adjustableMachine()
  const out: string[] = []
  const calls = new CallTable<string>(scheduler, 1000, 1, (value) => out.push(value))
  calls.add('a')
  pass(500)
  const b = calls.add('b')
  calls.add('c')
  pass(499)
  t.same(out, [])
  pass(1)
  t.same(out, ['a'])
  t.equal(calls.take(b), 'b')
  pass(500)
  t.same(out, ['a', 'c'])
  t.equal(calls.size, 0)
})
