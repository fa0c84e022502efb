/** Members remembered from one life to the next. */
import t from 'tap'
import { silentLog } from '../base/log.ts'
import type { MemberView } from '../gossip/ready.ts'
import { memoryDisk } from '../storage/memory-disk.ts'
import { VirtualTime } from '../testing/virtual-cluster.ts'
import { PeerMemory } from './peer-memory.ts'

const view = (name: string, status: MemberView['status'] = 'alive'): MemberView =>
  ({ name, address: `${name}:8301`, tags: {}, incarnation: 1, state: 'alive', status })

function world() {
  const time = new VirtualTime()
  const disk = memoryDisk({ after: time.after, syncLatencyMs: 0.5 })
  return { time, disk, begin: (rejoinAfterLeave = false) => PeerMemory.of({ memory: disk, rejoinAfterLeave }, 'self:8301', time, silentLog)! }
}

t.test('who was alive is remembered, without oneself, also after a crash', async (t) => {
  const { time, disk, begin } = world()
  const first = begin()
  t.same(first.remembered, [])
  first.members([view('self'), view('b'), view('a'), view('gone', 'failed')])
  time.run(1000)
  disk.crash({ random: null })
  t.same(begin().remembered, ['a:8301', 'b:8301'])
})

t.test('a member that is alone keeps whom it knew; what was not yet written is written when it stops', async (t) => {
  const { begin } = world()
  const first = begin()
  first.members([view('self'), view('a')])
  first.stop()
  const second = begin()
  second.members([view('self'), view('a', 'failed')])
  second.stop()
  t.same(begin().remembered, ['a:8301'])
})

t.test('after a leave it joins nobody, unless it is told to rejoin', async (t) => {
  const { begin } = world()
  const first = begin()
  first.members([view('a')])
  first.leaving()
  first.stop()
  t.same(begin().remembered, [])
  t.same(begin(true).remembered, ['a:8301'])
})

t.test('a broken file is no obstacle', async (t) => {
  const { disk, begin } = world()
  for (const content of ['', '{', '{"left":1}', '[]']) {
    disk.replace('peers.json', Buffer.from(content))
    t.same(begin().remembered, [])
  }
  t.equal(PeerMemory.of({}, 'self:8301', new VirtualTime(), silentLog), null)
})
