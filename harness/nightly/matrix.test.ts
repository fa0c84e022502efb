import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { describeDuration, describeSize, parseDuration, parseSize } from './amounts.ts'
import { cellName, cellsOf, matrixDefaults, parseMatrixFile, parseNemeses, parseSeeds, resolveMatrix, seedOfDate, seedsOf, type Cell } from './matrix.ts'
import { readNightOptions, type NightlyFlags } from './night-options.ts'
import { orderCells } from './order.ts'

const known = { workloads: ['register', 'lock', 'set'], nemeses: ['partition', 'kill', 'pause', 'clock', 'delay', 'loss'] }
const resolve = (text: string) => resolveMatrix([parseMatrixFile(text, 'a file')], known)

t.test('lengths of time and sizes', async (t) => {
  for (const [text, seconds] of [['90', 90], ['90s', 90], ['10m', 600], ['1h30m', 5400], ['1.5h', 5400], ['2d', 172_800]] as const) t.equal(parseDuration('--budget', text), seconds, text)
  for (const text of ['', 'soon', '10 parsecs', '-5m', '0', '1h30', '5mm', '1e3']) t.throws(() => parseDuration('--budget', text), { name: 'UsageError', message: /10m/ }, text)
  for (const [text, bytes] of [['2GiB', 2 ** 31], ['2G', 2 ** 31], ['500 MB', 500 * 2 ** 20], ['7', 7]] as const) t.equal(parseSize('--keep-size', text), bytes, text)
  for (const text of ['', 'much', '-1G', '2XB']) t.throws(() => parseSize('--keep-size', text), { name: 'UsageError' }, text)
  t.equal(describeDuration(5700), '1 h 35 min')
  t.equal(describeDuration(59.7), '1 min')
  t.equal(describeSize(3 * 2 ** 29), '1.5 GiB')
})

t.test('a matrix: every combination of what is said, none that is excluded', async (t) => {
  const matrix = resolve('{ "workloads": ["register", "lock"], "nemeses": ["kill+partition", ["pause"], "none"], "members": [3, 5], "exclude": [{ "workload": "lock", "members": 5 }, { "nemesis": "partition+kill", "env": "local" }] }')
  const cells = cellsOf(matrix, ['simulated', 'local'])
  t.equal(cells.length, (2 * 3 * 2 - 3) * 2 - 3, 'lock on 5 is out in both, kill and partition in local')
  t.equal(new Set(cells.map(cellName)).size, cells.length)
  t.notOk(cells.some((cell) => cell.workload === 'lock' && cell.members === 5))
  t.notOk(cells.some((cell) => cell.env === 'local' && cell.nemesis.join('+') === 'kill+partition'), 'however the set was written')
  t.ok(cells.some((cell) => cell.nemesis.length === 0), 'none is the empty set')
  t.throws(() => cellsOf({ ...matrix, nemeses: Array.from({ length: 500 }, (_, at) => [String(at)]) }, ['simulated', 'local']), { name: 'UsageError', message: /4000 combinations/ })
})

t.test('what is said wins: flags, the file, the config, the defaults', async (t) => {
  const matrix = resolveMatrix([{ members: [1] }, { members: [3], systems: ['etcd'], options: { rate: 5 } }, { systems: ['consul'], workloads: ['lock'], options: { rate: 1, keys: 2 } }], known)
  t.match(matrix, { members: [1], systems: ['etcd'], workloads: ['lock'], nemeses: matrixDefaults.nemeses, options: { rate: 5, keys: 2 } }, 'options by their names')
  t.same(resolveMatrix([], known).workloads, known.workloads, 'every workload that there is')
})

t.test('a matrix that cannot be meant is refused in a sentence', async (t) => {
  const refused: [string, RegExp][] = [
    ['[]', /no matrix/], ['{', /not JSON/], ['{"worklods":["set"]}', /worklods[\s\S]*There are workloads/], ['{"members":[]}', /members/], ['{"members":["3"]}', /members/], ['{"exclude":[{}]}', /leave out everything/],
    ['{"options":{"workload":"set"}}', /workload/], ['{"options":{"rate":"fast"}}', /rate/], ['{"seeds":[1],"seed":4}', /leave out "seed"/], ['{"seeds":0}', /seeds/],
    ['{"workloads":["sets"]}', /sets: there is no such thing; there are register/], ['{"nemeses":["gremlin"]}', /gremlin/], ['{"nemeses":["kill+pause","pause+kill"]}', /twice/], ['{"members":[10]}', /1 to 9/], ['{"members":[3,3]}', /twice/],
  ]
  for (const [text, sentence] of refused) t.throws(() => resolve(text), { name: 'UsageError', message: sentence }, text)
})

t.test('seeds: how many, which, and by the date', async (t) => {
  t.same(parseSeeds('1,2,3', null), { kind: 'listed', seeds: [1, 2, 3] })
  t.same(parseSeeds('7,', null), { kind: 'listed', seeds: [7] })
  t.same(parseSeeds('5', 40), { kind: 'counted', count: 5, base: 40 })
  for (const text of ['', '0', 'few', '10001', '1.5', '-1', '1,x']) t.throws(() => parseSeeds(text, null), { name: 'UsageError' }, text)
  t.throws(() => parseSeeds('1,2', 4), { name: 'UsageError' })
  const [monday, later, tuesday] = ['2026-11-23T01:00:00Z', '2026-11-23T23:00:00Z', '2026-11-24T01:00:00Z'].map((date) => new Date(date))
  t.equal(seedOfDate(monday!), seedOfDate(later!), 'one date, the same seeds')
  const nights = [monday!, tuesday!].flatMap((date) => seedsOf({ seeds: { kind: 'counted', count: 500, base: null } }, date).seeds)
  t.equal(new Set(nights).size, 1000, 'two nights share none')
  t.ok(nights.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32))
  t.same(seedsOf({ seeds: { kind: 'counted', count: 3, base: 0xffff_ffff } }, monday!).seeds, [0xffff_ffff, 0, 1])
})

t.test('flags', async (t) => {
  const base: NightlyFlags = { budget: '10m', keep: 'all', webhookOn: 'failure', config: 'none' }
  const read = (flags: Partial<NightlyFlags>, variables = {}) => readNightOptions({ ...base, ...flags }, '/', known, variables)
  t.match(read({ nemeses: 'partition,kill+pause', members: '1,3', env: 'simulated,local', mutant: 'x', seeds: '2' }), {
    budgetS: 600, retention: { keepDays: null, keepBytes: null }, webhook: null,
    matrix: { nemeses: [['partition'], ['kill', 'pause']], members: [1, 3], envs: ['simulated', 'local'], options: { mutant: 'x' }, seeds: { count: 2, base: null } },
  })
  t.same(parseNemeses('none, pause + kill '), [[], ['kill', 'pause']])
  const address = 'https://example.com/services/T0/B0/secret'
  t.equal(read({}, { SPLITBRAIN_WEBHOOK: address }).webhook?.url.href, address)
  t.equal(read({}, { SPLITBRAIN_WEBHOOK: '' }).webhook, null, 'a secret that is not set')
  t.throws(() => read({ webhook: 'example.com/secret' }), { name: 'UsageError', message: /^(?!.*secret)/s }, 'the address is not told')
  for (const wrong of [{ budget: '99d' }, { jobs: 0 }, { members: 'three' }, { members: ',' }, { env: 'moon' }, { seed: -1 }, { keepDays: -1 }, { rate: -4 }, { matrix: 'absent.json' }, { systems: 'zookeeper' }]) {
    t.throws(() => read(wrong), { name: 'UsageError' }, JSON.stringify(wrong))
  }
})

t.test('a round sees each thing early, and what was run least comes first', async () => {
  const value = (names: readonly string[]) => fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 })
  await fc.assert(fc.asyncProperty(value(['a', 'b', 'c', 'd']), value(['p', 'q', 'r']), fc.uniqueArray(fc.constantFrom(1, 3, 5), { minLength: 1 }), async (workloads, nemeses, members) => {
    const cells = cellsOf({ workloads, nemeses: nemeses.map((name) => [name]), members, systems: ['registry'], exclude: [] }, ['simulated'])
    const ordered = orderCells(cells, (cell) => cell)
    assert.deepEqual(new Set(ordered), new Set(cells))
    // As many as the longest of its lists, twice over, show every value of each.
    const first = ordered.slice(0, 2 * Math.max(workloads.length, nemeses.length, members.length))
    assert.equal(new Set(first.map(({ workload }) => workload)).size, workloads.length)
    assert.equal(new Set(first.map(({ nemesis }) => nemesis.join())).size, nemeses.length)
    assert.equal(new Set(first.map(({ members }) => members)).size, members.length)
    const runs = new Map(ordered.slice(0, 2).map((cell: Cell) => [cellName(cell), 1]))
    assert.deepEqual(new Set(orderCells(cells, (cell) => cell, runs).slice(-runs.size).map(cellName)), new Set(runs.keys()), 'those of last night come last')
  }), { numRuns: 50 })
})
