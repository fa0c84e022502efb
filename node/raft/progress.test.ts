import t from 'tap'
import { Progress } from './progress.ts'

function probing(): Progress {
  return new Progress('n2', 11, 3, 0)
}

function replicating(matchIndex = 10): Progress {
  const progress = probing()
  progress.sent(matchIndex, 0)
  progress.accepted(matchIndex, 0)
  return progress
}

t.test('a probe goes alone and does not move on before its answer', async (t) => {
  const progress = probing()
  t.ok(progress.maySend)
  progress.sent(20, 5)
  t.notOk(progress.maySend)
  t.equal(progress.nextIndex, 11)
  t.ok(progress.awaitsAnswer)

  progress.accepted(20, 6)
  t.equal(progress.mode, 'replicate')
  t.equal(progress.nextIndex, 21)
  t.notOk(progress.awaitsAnswer)
})

t.test('requests follow each other until the window is full; an answer frees all before it', async (t) => {
  const progress = replicating()
  progress.sent(11, 0)
  progress.sent(12, 0)
  t.ok(progress.maySend)
  progress.sent(15, 0)
  t.notOk(progress.maySend)
  t.equal(progress.nextIndex, 16)

  progress.accepted(12, 1)
  t.equal(progress.inflightCount, 1)
  progress.sent(16, 1)
  progress.sent(17, 1)
  t.notOk(progress.maySend, 'the ring wraps')
  progress.accepted(17, 2)
  t.equal(progress.inflightCount, 0)
  t.notOk(progress.awaitsAnswer)
})

t.test('a late answer takes nothing back', async (t) => {
  const progress = replicating(20)
  progress.accepted(15, 1)
  t.equal(progress.matchIndex, 20)
  t.equal(progress.nextIndex, 21)
})

t.test('a rejection means probing again; the rest of the pipeline\'s say nothing new', async (t) => {
  const progress = replicating()
  progress.sent(11, 0)
  progress.sent(12, 0)
  progress.sent(13, 0)
  t.ok(progress.isNewRejection(11))
  progress.probeFrom(11)
  t.equal(progress.mode, 'probe')
  t.equal(progress.inflightCount, 0)
  t.notOk(progress.isNewRejection(12))
  t.ok(progress.isNewRejection(10) === false, 'nor below what matches')
})

t.test('a rejection never leads below what matches', async (t) => {
  const progress = replicating(20)
  progress.sent(25, 0)
  progress.probeFrom(3)
  t.equal(progress.nextIndex, 21)
})

t.test('silence counts from the first unanswered request', async (t) => {
  const progress = replicating()
  progress.sent(11, 100)
  progress.sent(12, 140)
  t.equal(progress.lastAdvanceMs, 100)
  progress.accepted(11, 150)
  t.equal(progress.lastAdvanceMs, 150)
})
