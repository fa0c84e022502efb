import fc from 'fast-check'
import t from 'tap'
import type { Log } from '../base/log.ts'
import type { ServiceDefinition } from '../state/catalog-types.ts'
import { memoryDisk } from '../storage/memory-disk.ts'
import { fuzz } from '../testing/fuzz/property.ts'
import { mutate, mutations } from '../testing/fuzz/mutations.ts'
import type { CheckSpec } from './definitions.ts'
import { LocalStore } from './local-store.ts'

const service: ServiceDefinition = {
  id: 'web', name: 'web', tags: ['a'], address: '10.0.0.1', taggedAddresses: null, port: 80, meta: { v: '1' }, weights: { passing: 1, warning: 1 }, enableTagOverride: false,
}
const spec: CheckSpec = {
  checkId: 'c', name: 'c', notes: '', serviceId: 'web', method: { kind: 'ttl', ttlMs: 1000 }, initialStatus: 'critical', successBeforePassing: 0, failuresBeforeCritical: 0,
  deregisterCriticalAfterMs: null, outputBytesMax: 4096,
}

t.test('what is kept comes back; a damaged file is reported and left alone, and never taken for another', async (t) => {
  let warnings = 0
  const log: Log = { trace() {}, debug() {}, info() {}, warn() { warnings++ }, error() {} } as Log
  const disk = memoryDisk({ after: () => {} })
  const store = new LocalStore(disk, log)
  store.putService(service)
  store.putCheck({ spec, status: 'passing', output: 'fine' })
  const whole = store.load()
  t.same(whole, { services: [service], checks: [{ spec, status: 'passing', output: 'fine' }] })
  t.equal(warnings, 0)
  const names = disk.list()
  const bytes = names.map((name) => disk.read(name))
  fuzz(t, 20_000, fc.property(fc.nat(1), mutations, (which, changes) => {
    const damaged = mutate(bytes[which]!, changes, bytes[1 - which]!)
    disk.replace(names[which]!, damaged)
    const { services, checks } = store.load()
    const changed = Buffer.compare(damaged, bytes[which]!) !== 0
    const isService = names[which]!.startsWith('service-')
    if (services.length !== (isService && changed ? 0 : 1) || checks.length !== (!isService && changed ? 0 : 1)) throw new Error(`taken up: ${damaged.toString('latin1')}`)
    if (Buffer.compare(disk.read(names[which]!), damaged) !== 0) throw new Error('the damaged file was changed')
    disk.replace(names[which]!, bytes[which]!)
  }))
  t.ok(warnings > 10_000)
})
