/** Whole members that take, send, install and restart from snapshots. */
import t from 'tap'
import { checkedState, put } from './testing/cluster-state.ts'
import { seededRandom } from './base/random.ts'
import { VirtualCluster } from './testing/virtual-cluster.ts'

const small = { snapshotEntries: 40, trailingEntries: 5, snapshotChunkBytes: 700, snapshotChunksInflightMax: 3 }

t.test('a restart loads the snapshot, then the log behind it', async (t) => {
  const cluster = new VirtualCluster(3, small)
  const leader = cluster.elect()
  for (let i = 0; i < 130; i++) put(cluster, leader, `k${i % 60}`, `v${i}`)
  cluster.time.run(500)
  const before = checkedState(cluster)
  for (const name of ['n1', 'n2', 'n3']) {
    t.ok(cluster.status(name).snapshotIndex >= 100, `${name} took snapshots`)
    t.equal(cluster.disks.get(name)!.list().filter((file) => file.endsWith('.bin')).length, 1, 'and kept the newest alone')
  }
  cluster.traces.length = 0
  for (const name of ['n1', 'n2', 'n3']) cluster.crash(name)
  for (const name of ['n1', 'n2', 'n3']) cluster.start(name)
  cluster.elect()
  cluster.time.run(1000)
  t.same(checkedState(cluster), before)
  const applied = cluster.traces.filter((event) => event.event === 'apply')
  t.ok(applied.every((event) => event.index > 100), 'what the snapshot holds was not applied again')
})

t.test('a follower behind the compacted log gets the snapshot in chunks, and keeps it over a restart', async (t) => {
  const cluster = new VirtualCluster(3, small)
  const leader = cluster.elect()
  const behind = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
  cluster.passes = (from, to) => from !== behind && to !== behind
  for (let i = 0; i < 150; i++) put(cluster, leader, `k${i}`, 'x'.repeat(100))
  const target = cluster.status(leader).snapshotIndex
  t.ok(cluster.status(behind).lastIndex < target, 'the follower is behind')
  cluster.sent.length = 0
  // Every seventh chunk is lost: the transfer goes on after its timeout.
  let chunks = 0
  let lost = false
  cluster.passes = () => !lost
  const passesSome = cluster.sent.push.bind(cluster.sent)
  cluster.sent.push = (...sent) => {
    lost = sent[0]!.message.message?.kind === 'snapshot-request' && ++chunks % 7 === 0
    return passesSome(...sent)
  }
  const level = () => cluster.status(behind).commitIndex >= cluster.status(leader).commitIndex
  t.ok(cluster.time.runUntil(level, 60_000), 'it caught up')
  cluster.time.run(500)
  t.ok(chunks >= 10, `${chunks} chunks were sent`)
  t.ok(cluster.traces.some((event) => event.event === 'restore' && event.member === behind))
  const state = checkedState(cluster)
  cluster.crash(behind)
  cluster.start(behind)
  t.ok(cluster.time.runUntil(() => cluster.nodes.get(behind)!.leaderAddress !== null, 10_000))
  cluster.time.run(1000)
  t.same(checkedState(cluster), state)
})

t.test('a disk that takes no new file ends the member with a sentence, when it takes a snapshot and when it is sent one', async (t) => {
  for (const sent of [false, true]) {
    const cluster = new VirtualCluster(3, small)
    const leader = cluster.elect()
    const other = ['n1', 'n2', 'n3'].find((name) => name !== leader)!
    const disk = cluster.disks.get(other)!
    const { openAppend } = disk
    if (sent) cluster.passes = (from, to) => from !== other && to !== other
    disk.openAppend = (name) => {
      if (!name.endsWith('.partial')) return openAppend(name)
      throw Object.assign(new Error('ENOSPC: no space left on device, open'), { code: 'ENOSPC', syscall: 'open' })
    }
    t.throws(() => {
      for (let i = 0; i < 130; i++) put(cluster, leader, `k${i}`, 'x')
      cluster.passes = () => true
      cluster.time.run(10_000)
    }, /a snapshot cannot be written: ENOSPC.*Free or repair the disk/)
  }
})

t.test('a snapshot that is damaged is refused with the file and the place', async (t) => {
  const cluster = new VirtualCluster(1, small)
  cluster.elect()
  for (let i = 0; i < 60; i++) put(cluster, 'n1', `k${i}`, `v${i}`)
  cluster.time.run(500)
  cluster.crash('n1')
  const disk = cluster.disks.get('n1')!
  const file = disk.list().find((name) => name.endsWith('.bin'))!
  const whole = disk.read(file)
  for (const offset of [0, 12, 300, whole.length - 3]) {
    const bytes = whole.slice()
    bytes[offset]! ^= 1
    disk.replace(file, bytes)
    t.throws(() => cluster.start('n1'), { name: 'SnapshotCorruptError', message: new RegExp(file) }, `byte ${offset}`)
  }
  disk.replace(file, whole.slice(0, whole.length - 20))
  t.throws(() => cluster.start('n1'), { name: 'SnapshotCorruptError' })
  disk.replace(file, Buffer.concat([whole, Buffer.alloc(100)]))
  cluster.start('n1')
  cluster.elect()
  cluster.time.run(1000)
  t.equal(checkedState(cluster).split('\n').length, 61, 'zeros behind the end do no harm')
})

t.test('random crashes, partitions and snapshots: members agree and lose nothing that was acknowledged', async (t) => {
  let installed = 0
  let restarts = 0
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed)
    const cluster = new VirtualCluster(3, { ...small, snapshotEntries: random.between(5, 30), trailingEntries: random.between(1, 10) })
    const names = ['n1', 'n2', 'n3']
    const acknowledged = new Map<string, string>()
    for (let step = 0; step < 60; step++) {
      const name = random.pick(names)
      switch (random.between(0, 8)) {
        case 0:
          if (cluster.nodes.has(name)) cluster.crash(name, random.chance(0.5) ? random : null)
          break
        case 1:
          cluster.passes = (from, to) => from !== name && to !== name
          break
        case 2:
          cluster.passes = () => true
          break
        default: break
      }
      for (const down of names) {
        if (cluster.nodes.has(down) || random.chance(0.5)) continue
        restarts++
        cluster.start(down)
      }
      const at = cluster.leader
      if (at !== null) {
        // Each key is written once, so that what was acknowledged can be told.
        const writes = Array.from({ length: random.between(1, 12) }, (_, i) => `s${step}w${i}`)
          .map((key) => ({ key, exchange: cluster.request(at, 'PUT', `/v1/kv/${key}`, key.repeat(20)) }))
        cluster.time.run(random.between(1, 300))
        for (const { key, exchange } of writes) if (exchange.response?.body.toString().trim() === 'true') acknowledged.set(key, key.repeat(20))
      } else cluster.time.run(random.between(1, 1500))
    }
    cluster.passes = () => true
    for (const down of names) if (!cluster.nodes.has(down)) cluster.start(down)
    put(cluster, cluster.elect(), 'last', 'write')
    const level = () => new Set(names.map((name) => cluster.status(name).commitIndex)).size === 1
    t.ok(cluster.time.runUntil(level, 30_000), `seed ${seed}: all are level again`)
    cluster.time.run(1000)
    const state = checkedState(cluster)
    for (const [key, value] of acknowledged) if (!state.includes(`${key} ${value} `)) t.fail(`seed ${seed}: ${key} was acknowledged and is lost`)
    for (const name of names) cluster.crash(name)
    for (const name of names) cluster.start(name)
    cluster.elect()
    cluster.time.run(1000)
    t.equal(checkedState(cluster), state, `seed ${seed}: restarted members are as before`)
    installed += cluster.traces.filter((event) => event.event === 'restore').length
  }
  t.comment(`${restarts} restarts, ${installed} snapshots installed`)
  t.ok(installed >= 5 && restarts >= 20, `${restarts} restarts, ${installed} snapshots installed`)
})
