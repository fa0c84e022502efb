import t from 'tap'
import { checkConsistencyModes, withoutStaleReads, type Guarantee, type GuaranteeName } from './consistency-modes.ts'
import { checkLinearizability } from './linearizability.ts'
import { models } from './model.ts'
import { historyOf } from './testing.ts'

async function label(text: string, mode: 'stale' | 'default' = 'stale') {
  const history = historyOf(text)
  const linearizability = await checkLinearizability(history, models['cas-register'], { timeLimitS: 60, memoryMiB: 512 })
  const result = checkConsistencyModes(history, { mode, linearizability })
  const guarantees = result.details['guarantees'] as readonly Guarantee[]
  return { result, of: (name: GuaranteeName) => guarantees.find((guarantee) => guarantee.name === name)! }
}

/** What is broken in each; the rest holds. */
const cases: readonly { readonly name: string, readonly broken: readonly GuaranteeName[], readonly verdict?: 'valid' | 'invalid' | 'unknown', readonly history: string }[] = [
  { name: 'fresh reads keep everything', broken: [], history: `
      0 invoke write k 1
      0 ok     write k 1
      1 invoke read  k
      1 ok     read  k 1 @5` },
  { name: 'an old value, read by somebody else, breaks linearizability alone', broken: ['linearizable'], history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      0 ok     write k 2
      2 invoke read  k
      2 ok     read  k 2 @6
      1 invoke read  k
      1 ok     read  k 1 @5` },
  { name: 'absent, when it was already written', broken: ['linearizable'], history: `
      0 invoke write k 1
      0 ok     write k 1
      2 invoke read  k
      2 ok     read  k 1 @5
      1 invoke read  k
      1 ok     read  k null` },
  { name: 'a worker goes back in time', broken: ['linearizable', 'sequential', 'monotonic reads'], history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      0 ok     write k 2
      1 invoke read  k
      1 ok     read  k 2 @6
      1 invoke read  k
      1 ok     read  k 1 @5` },
  { name: 'a worker does not see its own write', broken: ['linearizable', 'sequential', 'read your writes'], history: `
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      0 ok     write k 2
      0 invoke read  k
      0 ok     read  k 1 @5
      1 invoke read  k
      1 ok     read  k 2 @6` },
  { name: 'a worker does not see its own write, which nobody ever sees', broken: ['linearizable', 'sequential', 'read your writes'], history: `
      0 invoke write k 1
      0 ok     write k 1
      1 invoke read  k
      1 ok     read  k 1 @5
      0 invoke write k 2
      0 ok     write k 2
      0 invoke read  k
      0 ok     read  k 1 @5` },
  { name: 'two workers see two keys change in opposite order', broken: ['linearizable', 'sequential'], history: `
      0 invoke write a 1
      0 ok     write a 1
      9 invoke write b 2
      9 ok     write b 2
      1 invoke read  a
      1 ok     read  a 1 @5
      1 invoke read  b
      1 ok     read  b null
      2 invoke read  b
      2 ok     read  b 2 @6
      2 invoke read  a
      2 ok     read  a null` },
  { name: 'a write that may have happened may be read', broken: [], history: `
      0 invoke write k 1
      0 info   write k 1
      1 invoke read  k
      1 ok     read  k 1 @5` },
  { name: 'a value that nobody wrote', broken: ['linearizable', 'committed'], verdict: 'invalid', history: `
      0 invoke write k 1
      0 ok     write k 1
      1 invoke read  k
      1 ok     read  k 7 @5` },
  { name: 'a value of a write that failed', broken: ['linearizable', 'committed'], verdict: 'invalid', history: `
      0 invoke write k 1
      0 fail   write k 1
      1 invoke read  k
      1 ok     read  k 1 @5` },
  { name: 'a value of a write that began only later', broken: ['linearizable', 'committed'], verdict: 'invalid', history: `
      1 invoke read  k
      1 ok     read  k 1 @5
      0 invoke write k 1
      0 ok     write k 1` },
  { name: 'one version with two values', broken: ['committed'], verdict: 'invalid', history: `
      0 invoke write k 1
      0 info   write k 1
      1 invoke write k 2
      1 info   write k 2
      2 invoke read  k
      2 ok     read  k 1 @5
      2 invoke read  k
      2 ok     read  k 2 @5` },
]

for (const { name, broken, verdict, history } of cases) {
  t.test(`${verdict ?? 'valid'}: ${name}`, async (t) => {
    const { result, of } = await label(history)
    t.equal(result.verdict, verdict ?? 'valid', result.summary)
    for (const guarantee of ['linearizable', 'sequential', 'read your writes', 'monotonic reads', 'committed'] as const) {
      t.equal(of(guarantee).held, broken.includes(guarantee) ? 'broken' : 'held', `${guarantee}: ${of(guarantee).explanation}`)
      t.equal(of(guarantee).eventIndexes.length > 0, broken.includes(guarantee), 'with the first counterexample, if any')
    }
    t.equal(result.evidence.length, verdict === 'invalid' ? 1 : 0)
  })
}

t.test('staleness is measured from when a newer version was known to when the read began', async (t) => {
  const { result, of } = await label(`
      0 invoke write k 1
      0 ok     write k 1
      0 invoke write k 2
      0 ok     write k 2
      2 invoke read  k
      2 ok     read  k 2 @6
      3 invoke read  k
      1 invoke read  k
      1 ok     read  k 1 @5
      3 ok     read  k 1 @5`)
  t.equal(result.details['staleReads'], 2)
  t.equal(result.details['stalenessMs'], 4, 'the write of 2 had returned at 3 ms, the later read began at 7 ms')
  t.match(of('bounded staleness').explanation, /At most 4 ms/)
  t.match(result.summary, /2 of 3 reads were certainly old, by up to 4 ms/)
})

t.test('a write of the same value makes no new version at Consul: reading the version before it is no breach', async (t) => {
  const { of } = await label(`
      1 invoke write k 1
      1 ok     write k 1
      1 invoke read  k
      1 ok     read  k 1 @5
      0 invoke write k 1
      0 ok     write k 1
      0 invoke read  k
      0 ok     read  k 1 @5`)
  t.equal(of('read your writes').held, 'held')
})

t.test('without versions only what needs none is labelled; without reads nothing', async (t) => {
  const { result, of } = await label('0 invoke write k 1\n0 ok write k 1\n1 invoke read k\n1 ok read k 1')
  t.equal(of('monotonic reads').held, 'unknown')
  t.equal(of('committed').held, 'held')
  t.equal(result.verdict, 'valid')
  t.equal((await label('0 invoke write k 1\n0 ok write k 1')).result.verdict, 'unknown')
})

t.test('reads that were asked to be consistent are not labelled as stale, and stay when the stale ones are taken out', async (t) => {
  const text = `
      0 invoke write k 1
      0 ok     write k 1
      1 invoke read  k
      1 ok     read  k null
      2 invoke read  k !consistent
      2 ok     read  k 1 @5`
  t.equal((await label(text)).result.details['reads'], 1)
  const strong = withoutStaleReads(historyOf(text), 'stale')
  t.same(strong.map(({ index }) => index), [0, 1, 4, 5])
  t.same(withoutStaleReads(historyOf(text), 'default').length, 6)
})
