import t from 'tap'
import { WorkerPool } from './workers.ts'

t.test('worker i talks to member i mod n, and keeps it after retirement, under a new number', async (t) => {
  const pool = new WorkerPool(4, ['n1', 'n2', 'n3'])
  const workers = [await pool.take(), await pool.take(), await pool.take(), await pool.take()]
  t.same(workers.map(({ process, member }) => [process, member]), [[0, 'n1'], [1, 'n2'], [2, 'n3'], [3, 'n1']])
  pool.give(workers[1]!, true)
  t.match(await pool.take(), { slot: 1, member: 'n2', process: 5 })
  pool.give(workers[0]!, false)
  t.match(await pool.take(), { slot: 0, process: 0 })
})

t.test('who waits gets the next that becomes free, in order', async (t) => {
  const pool = new WorkerPool(1, ['n1'])
  const first = await pool.take()
  const order: string[] = []
  const second = pool.take().then((worker) => { order.push('second'); return worker })
  const third = pool.take().then(() => { order.push('third') })
  pool.give(first, false)
  pool.give(await second, false)
  await third
  t.same(order, ['second', 'third'])
})

t.test('idle once all are back', async (t) => {
  const pool = new WorkerPool(2, ['n1'])
  await pool.idle()
  const worker = await pool.take()
  let idle = false
  const waiting = pool.idle().then(() => { idle = true })
  await Promise.resolve()
  t.equal(idle, false)
  pool.give(worker, true)
  await waiting
  t.equal(idle, true)
})
