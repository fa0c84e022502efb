/** What sessions and locks promise while a member's clocks, process or disk are not as they should be. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { ClockSkew, Environment, HttpRequest } from '../environment.ts'
import { leaderOf, text, until, withCluster } from './testing.ts'

const workDirectory = mkdtempSync(join(tmpdir(), 'splitbrain-simulated-'))
t.teardown(() => rmSync(workDirectory, { recursive: true, force: true }))

const ttlMs = 10_000

const ask = async (environment: Environment, member: string, method: HttpRequest['method'], target: string, body = '') =>
  text(await environment.request(member, { method, target, body }, 5000))

async function lockedSession(environment: Environment, member: string): Promise<string> {
  const created = await ask(environment, member, 'PUT', '/v1/session/create', JSON.stringify({ TTL: `${ttlMs / 1000}s`, Behavior: 'delete', LockDelay: '1s' }))
  const { ID } = JSON.parse(created.slice(4)) as { ID: string }
  if (await ask(environment, member, 'PUT', `/v1/kv/lock?acquire=${ID}`, 'mine') !== '200 true') throw new Error('the lock was not acquired')
  return ID
}

const holds = async (environment: Environment, member: string, id: string) => (await ask(environment, member, 'GET', `/v1/session/info/${id}?consistent`)) !== '200 []'

const skews: readonly ClockSkew[] = [{ kind: 'jump', offsetMs: 3_600_000 }, { kind: 'jump', offsetMs: -3_600_000 }, { kind: 'strobe', offsetMs: 60_000, periodMs: 300 }, { kind: 'drift', rate: 3 }]

for (const skew of skews) {
  t.test(`wall clocks everywhere: ${JSON.stringify(skew)}; a session lives while it is renewed, and ends within twice its TTL when it is not`, async (t) => {
    await withCluster({ workDirectory }, async (environment) => {
      const leader = (await leaderOf(environment))!
      const id = await lockedSession(environment, leader)
      const effects = await Promise.all(environment.members.map((member) => environment.skewClock!.skew(member, skew, 'wall')))
      for (let n = 0; n < 6; n++) {
        await environment.clock.sleep(ttlMs * 0.6)
        t.match(await ask(environment, leader, 'PUT', `/v1/session/renew/${id}`), /^200/)
        t.ok(await holds(environment, leader, id))
      }
      const renewedNs = environment.clock.nowNs()
      await until(environment, async () => await holds(environment, leader, id) ? null : true, 'the session ends')
      const tookMs = (environment.clock.nowNs() - renewedNs) / 1e6
      t.ok(tookMs >= ttlMs && tookMs <= 2 * ttlMs + 1000, `ended ${tookMs} ms after its renewal`)
      t.match(await ask(environment, leader, 'GET', '/v1/kv/lock'), /^404/)
      for (const effect of effects) await effect.heal()
    })
  })
}

t.test('a leader that stood still, and went on, ends no session that its successor renewed', async (t) => {
  await withCluster({ workDirectory, seed: 3 }, async (environment) => {
    const leader = (await leaderOf(environment))!
    const other = environment.members.find((member) => member !== leader)!
    // Not of the leader's own node: that one is found dead, and its sessions end with it.
    const id = await lockedSession(environment, other)
    const paused = await environment.pause!.pause(leader)
    const renewing = (async () => {
      for (let n = 0; n < 8; n++) {
        await until(environment, async () => (await ask(environment, other, 'PUT', `/v1/session/renew/${id}`)).startsWith('200') ? true : null)
        await environment.clock.sleep(ttlMs / 2)
      }
    })()
    await environment.clock.sleep(3 * ttlMs)
    await paused.heal()
    await renewing
    t.ok(await holds(environment, other, id))
    t.equal(await ask(environment, leader, 'GET', '/v1/kv/lock?raw&consistent'), '200 mine')
  })
})

t.test('a jump of every clock of the leader may end a session early there, and never leaves a lock without a session', async (t) => {
  await withCluster({ workDirectory, seed: 4 }, async (environment) => {
    const leader = (await leaderOf(environment))!
    const id = await lockedSession(environment, leader)
    const jump = await environment.skewClock!.skew(leader, { kind: 'jump', offsetMs: 60_000 }, 'all')
    await environment.clock.sleep(5000)
    const lock = await ask(environment, leader, 'GET', '/v1/kv/lock?consistent')
    if (await holds(environment, leader, id)) t.match(lock, new RegExp(id))
    else t.match(lock, /^404/)
    await jump.heal()
    await lockedSession(environment, await until(environment, () => leaderOf(environment))).catch(() => t.equal(lock.slice(0, 3), '200', 'still held by the first'))
  })
})
