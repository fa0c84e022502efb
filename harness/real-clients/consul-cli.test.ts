/**
 * The real `consul` asks a cluster of ours, each command another member than
 * the one before; and a real server, so that what is asserted is what Consul does.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type FinishedCommand, runCommand, startCommand } from './consul-command.ts'
import { consulProgram, debianProgram } from './debian-program.ts'
import { loopbackHosts } from './loopback.ts'
import { type AgentProcess, startConsul, startSplitbrainCluster } from './servers.ts'

const program = await debianProgram(consulProgram)
const skip = program.kind === 'missing' ? program.reason
  : process.platform === 'linux' ? false : `needs all of 127.0.0.0/8 on loopback, which ${process.platform} does not give`
const path = program.kind === 'found' ? program.path : ''
const success = (stdout: string): FinishedCommand => ({ code: 0, stdout, stderr: '' })
const failure = (stderr: string, stdout = ''): FinishedCommand => ({ code: 1, stdout, stderr })

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 60_000
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`waited 60 s in vain until ${what}`)
    await sleep(20)
  }
}

t.test('the consul command and three members of ours', { skip, timeout: 300_000 }, async (t) => {
  await using cluster = await startSplitbrainCluster(await loopbackHosts(3))
  await useCommand(t, cluster.members)
  await t.test('the leader dies: the lock is kept, the watch goes on, writes are taken again', (t) => outliveLeader(t, cluster.members))
})

t.test('the consul command and a real Consul', { skip, timeout: 300_000 }, async (t) => {
  const [host] = await loopbackHosts(1) as [string]
  await using server = await startConsul(path, { host, node: 'real', nodeId: '22222222-2222-3333-4444-555555555555' })
  await useCommand(t, [server])
})

async function useCommand(t: Test, members: readonly AgentProcess[]): Promise<void> {
  let turn = 0
  const next = () => members[turn++ % members.length]!
  const consul = (...args: string[]) => runCommand(path, next(), args)
  const consulWith = (input: string, ...args: string[]) => runCommand(path, { ...next(), input }, args)
  const start = (...args: string[]) => startCommand(path, next(), args)
  const modifyIndex = async (key: string) => /ModifyIndex +(\d+)/.exec((await consul('kv', 'get', '-detailed', key)).stdout)![1]!

  await t.test('kv: put, get, delete', async (t) => {
    t.same(await consul('kv', 'put', 'app/name', 'splitbrain'), success('Success! Data written to: app/name\n'))
    for (const _ of members) t.same(await consul('kv', 'get', 'app/name'), success('splitbrain\n'))
    t.same(await consul('kv', 'get', '-stale', 'app/name'), success('splitbrain\n'))
    t.same(await consul('kv', 'get', '-base64', 'app/name'), success('c3BsaXRicmFpbg==\n'))
    t.same(await consul('kv', 'put', '-base64', 'app/bytes', 'AP8='), success('Success! Data written to: app/bytes\n'))
    t.same(await consul('kv', 'get', '-base64', 'app/bytes'), success('AP8=\n'))
    t.same(await consulWith('from stdin', 'kv', 'put', 'app/in', '-'), success('Success! Data written to: app/in\n'))
    t.same(await consul('kv', 'get', 'app/in'), success('from stdin\n'))
    t.same(await consul('kv', 'put', 'app/empty'), success('Success! Data written to: app/empty\n'))
    t.same(await consul('kv', 'get', 'app/empty'), success('\n'))
    t.same(await consul('kv', 'put', '-flags', '18446744073709551615', 'app/flags', 'x'), success('Success! Data written to: app/flags\n'))
    t.match(await consul('kv', 'get', '-detailed', 'app/flags'), { code: 0, stdout: /^CreateIndex +\d+\nFlags +18446744073709551615\nKey +app\/flags\nLockIndex +0\nModifyIndex +\d+\nSession +-\nValue +x\n$/ })
    t.same(await consul('kv', 'delete', 'app/name'), success('Success! Deleted key: app/name\n'))
    t.same(await consul('kv', 'get', 'app/name'), failure('Error! No key exists at: app/name\n'))
    t.same(await consul('kv', 'delete', 'app/name'), success('Success! Deleted key: app/name\n'))
    t.same(await consul('kv', 'get', '-datacenter=dc9', 'app/in'), failure('Error querying Consul agent: Unexpected response code: 500\n'))
    t.same(await consul('kv', 'put', '-datacenter=dc9', 'app/in', 'x'), failure('Error! Failed writing data: Unexpected response code: 500 (No path to datacenter)\n'))
    t.match(await consul('kv', 'put', 'app/large', 'x'.repeat(100_000)), success('Success! Data written to: app/large\n'))
    t.match(await consulWith('x'.repeat(524_289), 'kv', 'put', 'app/large', '-'), { code: 1, stderr: /413 \(Request body\(524289 bytes\) too large/ })
  })

  await t.test('kv: check-and-set', async (t) => {
    await consul('kv', 'put', 'cas', 'one')
    const index = await modifyIndex('cas')
    t.same(await consul('kv', 'put', '-cas', `-modify-index=${index}`, 'cas', 'two'), success('Success! Data written to: cas\n'))
    t.same(await consul('kv', 'put', '-cas', `-modify-index=${index}`, 'cas', 'three'), failure('Error! Did not write to cas: CAS failed\n'))
    t.same(await consul('kv', 'delete', '-cas', `-modify-index=${index}`, 'cas'), failure('Error! Did not delete key cas: CAS failed\n'))
    t.same(await consul('kv', 'get', 'cas'), success('two\n'))
    t.same(await consul('kv', 'delete', '-cas', `-modify-index=${await modifyIndex('cas')}`, 'cas'), success('Success! Deleted key: cas\n'))
    t.equal((await consul('kv', 'get', 'cas')).code, 1)
  })

  await t.test('kv: prefixes, export and import', async (t) => {
    for (const [key, value] of [['tree/a', '1'], ['tree/b/c', '2'], ['tree/b/d', ''], ['trees', 'no']] as const) await consul('kv', 'put', key, value)
    t.same(await consul('kv', 'get', '-recurse', 'tree/'), success('tree/a:1\ntree/b/c:2\ntree/b/d:\n'))
    t.same(await consul('kv', 'get', '-keys', 'tree/'), success('tree/a\ntree/b/\n'))
    t.same(await consul('kv', 'get', '-keys', '-separator=', 'tree'), success('tree/a\ntree/b/c\ntree/b/d\ntrees\n'))
    t.same(await consul('kv', 'get', '-recurse', 'nothing/'), success(''))
    t.same(await consul('kv', 'get', '-keys', 'nothing/'), success(''))
    const exported = await consul('kv', 'export', 'tree/')
    t.match(exported, { code: 0, stderr: '' })
    t.same(JSON.parse(exported.stdout), [
      { key: 'tree/a', flags: 0, value: 'MQ==' }, { key: 'tree/b/c', flags: 0, value: 'Mg==' }, { key: 'tree/b/d', flags: 0, value: '' },
    ])
    t.same(await consul('kv', 'delete', '-recurse', 'tree/'), success('Success! Deleted keys with prefix: tree/\n'))
    t.same(await consul('kv', 'get', '-recurse', 'tree'), success('trees:no\n'))
    t.same(await consulWith(exported.stdout, 'kv', 'import', '-'), success('Imported: tree/a\nImported: tree/b/c\nImported: tree/b/d\n'))
    t.same(await consul('kv', 'export', 'tree/'), exported)
    t.same(await consul('kv', 'export', 'nothing/'), success('[]\n'))
  })

  await t.test('sessions of others: acquire and release', async (t) => {
    const { ID } = JSON.parse((await next().request('PUT', '/v1/session/create', '{"LockDelay":"0s"}')).body) as { ID: string }
    t.same(await consul('kv', 'put', '-acquire', `-session=${ID}`, 'held', 'x'), success('Success! Lock acquired on: held\n'))
    t.match((await consul('kv', 'get', '-detailed', 'held')).stdout, new RegExp(`LockIndex +1\n[^]*Session +${ID}\n`))
    const other = JSON.parse((await next().request('PUT', '/v1/session/create', '{"LockDelay":"0s"}')).body) as { ID: string }
    t.same(await consul('kv', 'put', '-acquire', `-session=${other.ID}`, 'held', 'y'), failure('Error! Did not acquire lock\n'))
    t.same(await consul('kv', 'put', '-release', `-session=${other.ID}`, 'held', 'y'), failure('Error! Did not release lock\n'))
    t.same(await consul('kv', 'put', '-release', `-session=${ID}`, 'held', 'z'), success('Success! Lock released on: held\n'))
    t.same(await consul('kv', 'get', 'held'), success('z\n'))
  })

  const sessionNamed = async (name: string) => {
    const sessions = JSON.parse((await next().request('GET', '/v1/session/list')).body) as { ID: string, Name: string }[]
    return sessions.find((session) => session.Name.includes(name))
  }

  await t.test('lock: the child runs while it is held; two at once exclude each other', async (t) => {
    t.match(await consul('lock', 'alone', 'echo held: $CONSUL_LOCK_HELD'), success('held: true\n'))
    t.equal((await consul('kv', 'get', '-recurse', 'alone')).stdout, '')
    t.match(await consul('lock', '-child-exit-code', 'alone', 'exit 3'), { code: 2, stderr: /exit status 3/ })

    const directory = t.testdir()
    const [log, inside, go] = ['log', 'inside', 'go'].map((name) => join(directory, name)) as [string, string, string]
    // Making a directory succeeds for one only.
    const child = (name: string, body: string) => `mkdir ${inside} || echo overlap >> ${log}; echo ${name} in >> ${log}; ${body}; echo ${name} out >> ${log}; rmdir ${inside}`
    await using first = start('lock', '-name', 'first', 'shared', child('first', `while [ ! -e ${go} ]; do sleep 0.02; done`))
    await until('the first is in', () => existsSync(log))
    await using second = start('lock', '-name', 'second', 'shared', child('second', 'true'))
    await until('the second has a session', async () => await sessionNamed('second') !== undefined)
    t.match(await consul('lock', '-timeout=1s', '-name', 'third', 'shared', child('third', 'true')), { code: 1, stderr: /Lock acquisition failed|timeout/i })
    t.equal(readFileSync(log, 'utf8'), 'first in\n')
    writeFileSync(go, '')
    t.same(await first.finished, success(''))
    t.same(await second.finished, success(''))
    t.equal(readFileSync(log, 'utf8'), 'first in\nfirst out\nsecond in\nsecond out\n')
  })

  await t.test('lock: who loses it loses the child', async (t) => {
    const file = join(t.testdir(), 'running')
    await using holder = start('lock', '-name', 'loser', 'lost', `touch ${file}; exec sleep 100`)
    await until('the child runs', () => existsSync(file))
    const session = await sessionNamed('loser')
    t.equal((await next().request('PUT', `/v1/session/destroy/${session!.ID}`)).body, 'true')
    // It is told to end, long before it would; the command does not call that a failure.
    t.same(await holder.finished, { code: 0, stdout: '', stderr: 'Error running handler: signal: terminated\n' })
  })

  await t.test('lock -n 2: a semaphore lets two in', async (t) => {
    const directory = t.testdir()
    const file = (name: string) => join(directory, name)
    const child = (name: string) => `touch ${file(name)}; while [ ! -e ${file('go')} ]; do sleep 0.02; done`
    await using one = start('lock', '-n', '2', 'semaphore', child('one'))
    await using two = start('lock', '-n', '2', 'semaphore', child('two'))
    await until('both are in', () => existsSync(file('one')) && existsSync(file('two')))
    await using three = start('lock', '-n', '2', '-name', 'waiting', 'semaphore', child('three'))
    // Who wants in writes its name down first.
    await until('the third is waiting', async () => {
      const session = await sessionNamed('waiting')
      return session !== undefined && (await consul('kv', 'get', `semaphore/${session.ID}`)).code === 0
    })
    t.notOk(existsSync(file('three')))
    writeFileSync(file('go'), '')
    for (const command of [one, two, three]) t.same(await command.finished, success(''))
    t.ok(existsSync(file('three')))
  })

  await t.test('watch: once without a handler, at every change with one', async (t) => {
    await consul('kv', 'put', 'watched/key', 'first')
    const once = await consul('watch', '-type=key', '-key=watched/key')
    t.match({ code: once.code, ...JSON.parse(once.stdout) }, { code: 0, Key: 'watched/key', Value: 'Zmlyc3Q=', Flags: 0, LockIndex: 0, Session: '' })
    const tree = await consul('watch', '-type=keyprefix', '-prefix=watched/')
    t.match(JSON.parse(tree.stdout), [{ Key: 'watched/key' }])
    const log = join(t.testdir(), 'log')
    await using _watcher = start('watch', '-type=key', '-key=watched/key', `cat >> ${log}`)
    const seen = (value: string) => () => existsSync(log) && readFileSync(log, 'utf8').includes(`"Value":"${Buffer.from(value).toString('base64')}"`)
    await until('the first value is seen', seen('first'))
    await consul('kv', 'put', 'watched/key', 'second')
    await until('the second value is seen', seen('second'))
    await consul('kv', 'delete', 'watched/key')
    await until('the deletion is seen', () => readFileSync(log, 'utf8').endsWith('null\n'))
    t.equal(readFileSync(log, 'utf8').split('\n').length, 4)
  })
}

async function outliveLeader(t: Test, members: readonly AgentProcess[]): Promise<void> {
  const directory = t.testdir()
  const file = (name: string) => join(directory, name)
  const leader = JSON.parse((await members[0]!.request('GET', '/v1/status/leader')).body) as string
  const [victim] = members.filter(({ host }) => leader === `${host}:8300`)
  const [one, other] = members.filter((member) => member !== victim) as [AgentProcess, AgentProcess]
  await using holder = startCommand(path, one, ['lock', '-child-exit-code', '-monitor-retry=30', 'kept', `touch ${file('held')}; while [ ! -e ${file('go')} ]; do sleep 0.02; done`])
  await using _watcher = startCommand(path, other, ['watch', '-type=key', '-key=news', `cat >> ${file('log')}`])
  await until('the lock is held and the watch has answered', () => existsSync(file('held')) && existsSync(file('log')))
  await victim![Symbol.asyncDispose]()
  await until('a write is taken', async () => (await runCommand(path, one, ['kv', 'put', 'news', 'survived'])).code === 0)
  t.same(await runCommand(path, other, ['kv', 'get', 'news']), success('survived\n'))
  await until('the watch has seen it', () => readFileSync(file('log'), 'utf8').includes('"Value":"c3Vydml2ZWQ="'))
  t.match(await runCommand(path, other, ['lock', '-timeout=1s', 'kept', 'true']), { code: 1 }, 'nobody else gets the lock')
  writeFileSync(file('go'), '')
  t.same(await holder.finished, success(''))
}
