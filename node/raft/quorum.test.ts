import fc from 'fast-check'
import t from 'tap'
import { quorumSize, quorumValue } from './quorum.ts'

t.test('any two quorums share a member, and no smaller group has that', async (t) => {
  for (let voters = 1; voters <= 9; voters++) {
    t.ok(2 * quorumSize(voters) > voters)
    t.ok(2 * (quorumSize(voters) - 1) <= voters)
  }
})

t.test('quorumValue is the highest value that a majority has reached', async () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 9 }), (values) => {
    const reached = (value: number) => values.filter((one) => one >= value).length * 2 > values.length
    const expected = Math.max(...values.filter(reached))
    return quorumValue([...values]) === expected
  }))
})

t.test('with members that never answered', async (t) => {
  t.equal(quorumValue([7, Number.NEGATIVE_INFINITY, 3]), 3)
})
