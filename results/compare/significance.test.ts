import fc from 'fast-check'
import t from 'tap'
import { canTell, rankTestP, ratioOfMedians, samplesNeeded } from './significance.ts'

const near = (a: number, b: number, slack = 1e-9) => Math.abs(a - b) <= slack

t.test('known values', async (t) => {
  // All of one below all of the other: 2 of C(10,5) = 252 ways.
  t.ok(near(rankTestP([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252))
  // U = 2 of 3 and 4: P(U <= 2) = (1+1+2)/35.
  t.ok(near(rankTestP([1, 2, 5], [3, 4.5, 6, 7]), 2 * 4 / 35), String(rankTestP([1, 2, 5], [3, 4.5, 6, 7])))
  t.equal(rankTestP([3, 3, 3], [3, 3, 3]), 1)
  t.equal(rankTestP(new Array(30).fill(3), new Array(30).fill(3)), 1, 'also by approximation')
})

t.test('how many samples are needed', async (t) => {
  t.equal(samplesNeeded, 5)
  t.notOk(canTell(4, 4))
  t.notOk(canTell(1, 150), 'a single value tells nothing, whatever it is compared to')
  t.ok(canTell(3, 20))
})

const samples = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 })

t.test('the exact p-value is what counting every way to deal the samples out gives', async () => {
  fc.assert(fc.property(samples, samples, (a, b) => {
    const all = [...a, ...b]
    const rank = (value: number) => all.filter((x) => x < value).length + (all.filter((x) => x === value).length + 1) / 2
    const mean = a.length * (all.length + 1) / 2
    const limit = Math.abs(a.reduce((s, x) => s + rank(x), 0) - mean)
    let extreme = 0
    let ways = 0
    for (let set = 0; set < 2 ** all.length; set++) {
      const chosen = all.filter((_, i) => (set >> i) & 1)
      if (chosen.length !== a.length) continue
      ways += 1
      if (Math.abs(chosen.reduce((s, x) => s + rank(x), 0) - mean) >= limit - 1e-9) extreme += 1
    }
    return near(rankTestP(a, b), extreme / ways)
  }))
})

t.test('laws of the rank test', async () => {
  const many = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 30 })
  fc.assert(fc.property(many, many, (a, b) => {
    const p = rankTestP(a, b)
    return p > 0 && p <= 1 && near(p, rankTestP(b, a)) && near(p, rankTestP(a.map((x) => x * 7 + 3), b.map((x) => x * 7 + 3))) && near(rankTestP(a, a), 1)
  }), { numRuns: 50 })
})

t.test('the approximation is close to the exact value, more so of many', async (t) => {
  for (const [sizeA, sizeB, slack] of [[10, 10, 0.01], [5, 40, 0.01], [30, 30, 0.002]] as const) {
    const a = Array.from({ length: sizeA }, (_, i) => Math.round(i * 30 / sizeA))
    for (const shift of [0, 4, 8, 12, 16]) {
      const b = Array.from({ length: sizeB }, (_, i) => Math.round(i * 30 / sizeB) + shift)
      const [exact, approximate] = [rankTestP(a, b, Infinity), rankTestP(a, b, 0)]
      t.ok(Math.abs(exact - approximate) < slack, `${sizeA} and ${sizeB}, shifted by ${shift}: ${exact} ${approximate}`)
    }
  }
})

t.test('the ratio of medians', async (t) => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (base, factor) => {
    const same = ratioOfMedians(base, base)!
    const times = ratioOfMedians(base, base.map((x) => x * factor))!
    const back = ratioOfMedians(base.map((x) => x * factor), base)!
    return same.ratio === 1 && same.low <= 1 && same.high >= 1 && near(times.ratio, factor) && near(times.ratio * back.ratio, 1) && times.low <= times.ratio && times.high >= times.ratio
  }), { numRuns: 40 })
  t.equal(ratioOfMedians([0, 0, 1], [1, 2, 3]), null)
  t.same(ratioOfMedians([4, 5, 6, 7, 8], [1, 2, 3, 4, 5]), ratioOfMedians([4, 5, 6, 7, 8], [1, 2, 3, 4, 5]), 'seeded')
})
