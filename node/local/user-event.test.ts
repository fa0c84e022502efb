import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '../base/random.ts'
import { randomUuid } from '../base/uuid.ts'
import { consulBytes, decodeUserEvent, encodeUserEvent, isMeantFor, type UserEvent, userEventBytesMax } from './user-event.ts'
import { UserEventLog, userEventsMax } from './user-event-log.ts'

const text = fc.string({ maxLength: 60, unit: 'grapheme' })
const events = fc.record({ seed: fc.nat(), name: text, payload: fc.uint8Array({ maxLength: 300 }), nodeFilter: text, serviceFilter: text, tagFilter: text })
  .map(({ seed, ...others }): UserEvent => ({ id: randomUuid(seededRandom(seed)), ...others, lamportTime: 7 }))
const event = (change: Partial<UserEvent> = {}): UserEvent =>
  ({ id: randomUuid(seededRandom(1)), name: 'deploy', payload: new Uint8Array(0), nodeFilter: '', serviceFilter: '', tagFilter: '', lamportTime: 3, ...change })

t.test('an event survives gossip, and fits a datagram of gossip whenever Consul would take it', async () => {
  fc.assert(fc.property(events, (sent) => {
    const bytes = encodeUserEvent(sent)
    const got = decodeUserEvent(bytes, 7)!
    return got.id === sent.id && got.name === sent.name && Buffer.compare(got.payload, sent.payload) === 0
      && got.nodeFilter === sent.nodeFilter && got.serviceFilter === sent.serviceFilter && got.tagFilter === sent.tagFilter
      && (consulBytes(sent).after > userEventBytesMax || bytes.length + 'consul:event'.length <= userEventBytesMax)
  }))
})

t.test('bytes that are no event are nothing', async (t) => {
  const bytes = encodeUserEvent(event({ payload: Buffer.from('abc') }))
  for (let length = 0; length < bytes.length; length++) t.equal(decodeUserEvent(bytes.subarray(0, length), 1), null)
  t.equal(decodeUserEvent(Buffer.concat([bytes, Buffer.from([0])]), 1), null)
  t.equal(decodeUserEvent(Buffer.from([2, ...bytes.subarray(1)]), 1), null, 'another version')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => { decodeUserEvent(noise, 1) }))
})

t.test('filters: by the name of the node, and by one service with its tags', async (t) => {
  const audience = { node: 'web-1', services: [{ id: 'api', tags: ['v1', 'eu'] }, { id: 'db', tags: ['primary'] }] }
  const fits = (change: Partial<UserEvent>) => isMeantFor(event(change), audience)
  t.ok(fits({}))
  t.ok(fits({ nodeFilter: '^web-' }))
  t.notOk(fits({ nodeFilter: '^db-' }))
  t.ok(fits({ serviceFilter: 'ap' }))
  t.notOk(fits({ serviceFilter: '^cache$' }))
  t.ok(fits({ serviceFilter: '^api$', tagFilter: '^v[12]$' }))
  t.notOk(fits({ serviceFilter: '^api$', tagFilter: 'primary' }), 'a tag of another service')
  t.notOk(fits({ nodeFilter: '(' }), 'what is no pattern fits nobody')
})

t.test('the last events are kept, and who waits hears of each', async (t) => {
  const log = new UserEventLog()
  const heard: boolean[] = []
  const stop = log.watch((stopped) => heard.push(stopped))
  for (let i = 0; i < userEventsMax + 10; i++) log.add(event({ lamportTime: i }))
  t.equal(log.recent().length, userEventsMax)
  t.same([log.recent()[0]!.lamportTime, log.recent().at(-1)!.lamportTime], [10, userEventsMax + 9])
  t.equal(heard.length, userEventsMax + 10)
  stop()
  log.add(event())
  t.equal(heard.length, userEventsMax + 10)
  log.watch((stopped) => heard.push(stopped))
  log.stop()
  t.equal(heard.at(-1), true)
})
