import t from 'tap'
import { silentLog } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import type { Scheduler } from '../base/scheduler.ts'
import { lanProfile } from './config.ts'
import { GossipDriver } from './gossip-driver.ts'
import type { GossipNetwork } from './network.ts'
import type { GossipEvent } from './ready.ts'
import { TimerQueue } from './timer-queue.ts'
import { encodeMessage, encodePacket, labelSeed, parsePacket } from './wire.ts'

const seed = labelSeed('dc1')

/** A driver on a clock and a network that the test moves by hand. */
function bench() {
  let nowMs = 0
  const queue = new TimerQueue()
  const scheduler: Scheduler = { nowMs: () => nowMs, wallMs: () => nowMs, after: (delayMs, task) => queue.at(nowMs + delayMs, task) }
  let receive: (from: string, bytes: Uint8Array) => void = () => {}
  let pending = 0
  const sent: { to: string, bytes: Uint8Array }[] = []
  const network: GossipNetwork = {
    address: 'self:8301',
    sendPacket: (to, bytes) => { sent.push({ to, bytes }) },
    onPacket: (callback) => { receive = callback },
    request: (_address, _bytes, timeoutMs, done) => {
      pending++
      scheduler.after(timeoutMs, () => done({ ok: false, reason: 'nobody there' }))
    },
    onRequest: () => {},
  }
  const events: GossipEvent[] = []
  const driver = new GossipDriver({
    name: 'self', tags: {}, label: 'dc1', config: lanProfile, network, scheduler, random: seededRandom(1), log: silentLog,
    retryJoin: ['self', 'other'], retryJoinIntervalMs: 1000, onEvent: (event) => events.push(event),
  })
  const hear = (message: Parameters<typeof encodeMessage>[0]) => receive('peer:8301', encodePacket([encodeMessage(message)], seed))
  return {
    driver, events, sent, hear,
    requests: () => pending,
    runTo: (atMs: number) => {
      for (let next = queue.nextMs(); next !== null && next <= atMs; next = queue.nextMs()) {
        nowMs = Math.max(nowMs, next)
        queue.run(nowMs)
      }
      nowMs = atMs
    },
    /** The process does not run until then. Its overdue timers run first, then it reads what arrived; what the timers set comes after. */
    sleepTo: (atMs: number) => {
      nowMs = atMs
      queue.run(atMs - 1)
    },
    pings: () => sent.flatMap(({ to, bytes }) => {
      const parsed = parsePacket(bytes, seed)
      return parsed.ok ? parsed.value.filter((message) => message.kind === 'ping').map((message) => ({ to, message })) : []
    }),
  }
}

t.test('a process that did not run for a while reads what waited before it suspects', async (t) => {
  for (const answered of [true, false]) {
    const { driver, events, hear, runTo, sleepTo, pings } = bench()
    driver.start()
    hear({ kind: 'alive', name: 'peer', address: 'peer:8301', incarnation: 1, tags: {} })
    let atMs = 0
    while (pings().length === 0) runTo(atMs += 10)
    const { sequence } = pings()[0]!.message
    sleepTo(atMs + 30_000)
    if (answered) hear({ kind: 'ack', sequence })
    runTo(atMs + 30_100)
    t.equal(events.some(({ kind }) => kind === 'member-suspect'), !answered)
    driver.stop()
  }
})

t.test('joining is tried again until somebody answers, but never at oneself', async (t) => {
  const { driver, requests, runTo } = bench()
  driver.start()
  t.equal(requests(), 1)
  runTo(lanProfile.streamTimeoutMs + 1500)
  t.equal(requests(), 2)
  driver.stop()
  runTo(60_000)
  t.equal(requests(), 2, 'stopped')
  t.match(driver.userEvent('x', new Uint8Array(0)), { ok: false, error: /stopped/ })
})
