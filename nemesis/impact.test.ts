import fc from 'fast-check'
import t from 'tap'
import { conflict } from './impact.ts'
import { layers, type Impact, type Layer } from './nemesis.ts'

const on = (layer: Layer, ...members: string[]): Impact => ({ layer, members })

t.test('links may be broken under anything, and anything under broken links', async (t) => {
  for (const layer of layers) {
    t.equal(conflict(on('links', 'n1'), [on(layer, 'n1')], 3), null)
    t.equal(conflict(on(layer, 'n1'), [on('links', 'n1')], 3), null)
  }
})

t.test('two that would hide each other are not on the same member, in whatever order', async (t) => {
  for (const [a, b] of [['clock', 'process'], ['resources', 'registry'], ['disk', 'process'], ['clients', 'process'], ['clients', 'clock'], ['clock', 'clock'], ['data', 'process']] as const) {
    t.match(conflict(on(a, 'n1', 'n2'), [on(b, 'n2')], 5), /^n2: .* is broken there already$/)
    t.match(conflict(on(b, 'n2'), [on(a, 'n1', 'n2')], 5), /^n2: /)
    t.equal(conflict(on(a, 'n1'), [on(b, 'n2')], 5), null)
  }
  t.equal(conflict(on('clock', 'n1'), [on('resources', 'n1')], 3), null)
})

t.test('the data of more than a minority is never gone at once, unless one fault asks for it by itself', async () => {
  const members = (count: number) => Array.from({ length: count }, (_, i) => `n${i + 1}`)
  fc.assert(fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.record({ at: fc.nat(8), layer: fc.constantFrom<Layer>('data', 'membership', 'process', 'clock') }), { maxLength: 12 }), (count, wanted) => {
    const running: Impact[] = []
    for (const { at, layer } of wanted) {
      const impact = on(layer, members(count)[at % count]!)
      if (conflict(impact, running, count) === null) running.push(impact)
    }
    const gone = new Set(running.filter(({ layer }) => layer === 'data' || layer === 'membership').flatMap((impact) => impact.members))
    return gone.size <= Math.max(1, Math.ceil(count / 2) - 1)
  }))
  t.equal(conflict(on('data', 'n1', 'n2'), [], 3), null, 'asked for by name')
  t.match(conflict(on('data', 'n2'), [on('data', 'n1')], 3), /data of 2 of 3 members/)
})

t.test('what is measured on a link is alone on it; cuts may overlap', async (t) => {
  const cut: Impact = { layer: 'links', members: ['n1'], links: ['n1>n2', 'n2>n1'], cut: true }
  const loss: Impact = { layer: 'links', members: ['n1'], links: ['n1>n2'] }
  t.equal(conflict(cut, [cut], 3), null)
  t.match(conflict(loss, [cut], 3), /^n1>n2: something else is done there already$/)
  t.match(conflict(cut, [loss], 3), /^n1>n2: /)
  t.match(conflict(loss, [loss], 3), /^n1>n2: /)
  t.equal(conflict({ ...loss, links: ['n1>n3'] }, [cut, loss], 3), null)
})
