import Dockerode from 'dockerode'
import { PassThrough } from 'node:stream'
import t from 'tap'
import type { Engine } from '../engine.ts'
import { followToEnd } from './engine-progress.ts'

const engine = { docker: new Dockerode() } as Engine

function streamOf(...events: readonly object[]): PassThrough {
  const stream = new PassThrough()
  for (const event of events) stream.write(`${JSON.stringify(event)}\r\n`)
  return stream
}

t.test('a stream that ends well resolves, and its events were seen', async (t) => {
  const seen: unknown[] = []
  await followToEnd(engine, streamOf({ stream: 'Step 1' }, { status: 'done' }).end(), (event) => seen.push(event))
  t.same(seen, [{ stream: 'Step 1' }, { status: 'done' }])
})

t.test('an error is an event among others, and rejects', async (t) => {
  await t.rejects(followToEnd(engine, streamOf({ stream: 'Step 1' }, { error: 'no space left', errorDetail: {} }, { stream: 'x' }).end()), { message: 'no space left' })
})

t.test('silence rejects', async (t) => {
  await t.rejects(followToEnd(engine, streamOf({ status: 'pulling' }), () => {}, 30), { message: /no progress for 0\.03 s/ })
})
