/** `peers.json`: a cluster that lost its majority for ever goes on, and a file that makes no sense changes nothing. */
import t from 'tap'
import { parsePeers } from './driver/peers-file.ts'
import { memoryDisk } from './storage/memory-disk.ts'
import { checkedState, put } from './testing/cluster-state.ts'
import { VirtualCluster } from './testing/virtual-cluster.ts'

const self = { id: 'id-n1', name: 'n1', address: 'n1:8300' }
const known = [self, { id: 'id-n2', name: 'n2', address: 'n2:8300' }]

t.test('both of Consul\'s forms', async (t) => {
  t.same(parsePeers('["n1:8300", "n2:8300"]', known, self), { voters: known })
  t.same(parsePeers('[{"id":"id-n1","address":"n1:8300"},{"id":"id-n2","address":"n2:9300","non_voter":true},{"id":"new","address":"n4:8300","non_voter":false}]', known, self),
    { voters: [self, { id: 'new', name: 'new', address: 'n4:8300' }], nonVoters: [{ id: 'id-n2', name: 'n2', address: 'n2:9300' }] })
})

const nonsense: Readonly<Record<string, RegExp>> = {
  '': /it is no JSON/, '{': /it is no JSON/, '{}': /it is no list/, '[]': /it names no server/, '[5]': /server 1 is neither an address nor an object/,
  '["n1:8300","n9:8300"]': /server 2, n9:8300, is none that this member knew \(n1:8300, .*write {"id"/,
  '["n1"]': /the address "n1" of server 1 is not host:port/,
  '[{"address":"n1:8300"}]': /server 1 has no id/, '[{"id":"id-n1"}]': /server 1 has no address/,
  '[{"id":"id-n1","address":"n1:8300","non_voter":"yes"}]': /non_voter of server 1/,
  '[{"id":"id-n1","address":"n1:8300","non_voter":true}]': /it names no voter/,
  '["n1:8300","n1:8300"]': /servers 1 and 2 have the same id or address/,
  '["n2:8300"]': /this server is not in it \(id id-n1, address n1:8300\)/,
}

/** Three members with some state, the log partly compacted; two are lost for ever. */
function outage(): { cluster: VirtualCluster, state: string } {
  const cluster = new VirtualCluster(3, { snapshotEntries: 40, trailingEntries: 5 })
  const leader = cluster.elect()
  for (let i = 0; i < 60; i++) put(cluster, leader, `k${i}`, `v${i}`)
  cluster.time.run(500)
  const state = checkedState(cluster)
  for (const name of ['n1', 'n2', 'n3']) cluster.crash(name)
  for (const name of ['n2', 'n3']) {
    cluster.disks.delete(name)
    cluster.localDisks.delete(name)
  }
  return { cluster, state }
}

const peers = (cluster: VirtualCluster, text: string) => cluster.disks.get('n1')!.replace('peers.json', Buffer.from(text))
const voters = (cluster: VirtualCluster) => cluster.status('n1').configuration.voters.map(({ id }) => id)

t.test('without the file one of three waits for ever; with it, in either form, it goes on alone and keeps everything', async (t) => {
  for (const text of ['["n1:8300"]', '[{"id":"id-n1","address":"n1:8300"}]']) {
    const { cluster, state } = outage()
    cluster.start('n1')
    cluster.time.run(60_000)
    t.equal(cluster.leader, null)
    cluster.crash('n1')
    peers(cluster, text)
    cluster.start('n1')
    t.ok(cluster.time.runUntil(() => cluster.leader === 'n1', 30_000))
    t.same(voters(cluster), ['id-n1'])
    cluster.time.run(500)
    t.equal(checkedState(cluster), state)
    put(cluster, 'n1', 'after', 'recovery')
    t.notOk(cluster.disks.get('n1')!.list().includes('peers.json'), 'the file is gone')
    cluster.crash('n1')
    cluster.start('n1')
    t.ok(cluster.time.runUntil(() => cluster.leader === 'n1', 30_000), 'and it stays so')
    cluster.time.run(500)
    t.match(checkedState(cluster), /after recovery/)
  }
})

t.test('it takes in two new, empty servers, and then stands the loss of one', async (t) => {
  const { cluster, state } = outage()
  peers(cluster, '["n1:8300"]')
  cluster.start('n1')
  t.ok(cluster.time.runUntil(() => cluster.leader === 'n1', 30_000))
  cluster.start('n2', 3, 'new-n2')
  cluster.start('n3', 3, 'new-n3')
  t.ok(cluster.time.runUntil(() => voters(cluster).length === 3, 60_000))
  t.same(voters(cluster), ['id-n1', 'new-n2', 'new-n3'])
  cluster.time.run(1000)
  t.same(checkedState(cluster).split('\n').slice(1), state.split('\n').slice(1))
  cluster.crash('n1')
  t.ok(cluster.time.runUntil(() => cluster.leader !== null, 30_000))
  put(cluster, cluster.leader!, 'after', 'the loss of the first')
})

t.test('two of five that are given the same file form a cluster, the one with the longer log leads', async (t) => {
  const cluster = new VirtualCluster(5)
  const leader = cluster.elect()
  const [ahead, behind] = [leader, ['n1', 'n2', 'n3', 'n4', 'n5'].find((name) => name !== leader)!]
  put(cluster, leader, 'a', 'everywhere')
  cluster.time.run(500)
  cluster.passes = (from, to) => from !== behind && to !== behind
  put(cluster, leader, 'b', 'acknowledged')
  for (const name of [...cluster.nodes.keys()]) cluster.crash(name)
  cluster.passes = () => true
  for (const name of [ahead, behind]) {
    cluster.disks.get(name)!.replace('peers.json', Buffer.from(JSON.stringify([ahead, behind].map((one) => ({ id: `id-${one}`, address: `${one}:8300` })))))
    cluster.start(name, 5)
  }
  t.ok(cluster.time.runUntil(() => cluster.leader !== null, 30_000))
  t.equal(cluster.leader, ahead)
  cluster.time.run(2000)
  t.match(checkedState(cluster), /b acknowledged/)
})

t.test('a file that makes no sense stops the start with what is wrong; nothing is changed, and without it the member is as before', async (t) => {
  const { cluster, state } = outage()
  const disk = cluster.disks.get('n1')!
  for (const [text, problem] of Object.entries(nonsense)) {
    peers(cluster, text)
    const before = disk.list().map((name) => [name, Buffer.from(disk.read(name)).toString('base64')])
    t.throws(() => cluster.start('n1'), { name: 'PeersFileError', message: problem }, text)
    t.same(disk.list().map((name) => [name, Buffer.from(disk.read(name)).toString('base64')]), before, text)
  }
  peers(cluster, '["n1:8300"]')
  cluster.start('n1')
  t.ok(cluster.time.runUntil(() => cluster.leader === 'n1', 30_000))
  cluster.time.run(500)
  t.equal(checkedState(cluster), state)
})

t.test('an empty member refuses: there is nothing to recover', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.crash('n1')
  cluster.disks.set('n1', memoryDisk({ after: cluster.time.after, syncLatencyMs: 0.5 }))
  peers(cluster, '["n1:8300"]')
  t.throws(() => cluster.start('n1'), { name: 'PeersFileError', message: /nothing to recover/ })
})

t.test('a crash anywhere in the recovery: the next start does it, or it was done', async (t) => {
  const { cluster, state } = outage()
  peers(cluster, '["n1:8300"]')
  const original = cluster.disks.get('n1')!
  const files = original.list().map((name) => [name, original.read(name)] as const)
  let crashes = 0
  for (const step of ['replace', 'rename', 'remove', 'truncate', 'openAppend'] as const) {
    for (let count = 1; count <= 4; count++) {
      const disk = memoryDisk({ after: cluster.time.after, syncLatencyMs: 0.5 })
      for (const [name, bytes] of files) disk.replace(name, bytes)
      let left = count
      const real = disk[step] as (...args: unknown[]) => unknown
      disk[step] = ((...args: unknown[]) => {
        if (--left === 0) throw new Error('crash')
        return real.apply(disk, args)
      }) as never
      cluster.disks.set('n1', disk)
      try {
        cluster.start('n1')
        cluster.crash('n1')
      } catch (error) {
        t.equal((error as Error).message, 'crash')
        crashes++
      }
      disk[step] = real as never
      disk.crash({ random: null })
      cluster.start('n1')
      t.ok(cluster.time.runUntil(() => cluster.leader === 'n1', 30_000), `${step} ${count}`)
      cluster.time.run(500)
      t.equal(checkedState(cluster), state)
      cluster.crash('n1')
    }
  }
  t.ok(crashes >= 5, `${crashes} crashes`)
})
