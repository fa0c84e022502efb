import t from 'tap'
import { NodeRecord } from './catalog-record.ts'
import type { CatalogService } from './catalog-types.ts'
import { sampleCheck, sampleNode, sampleService } from './testing/catalog-samples.ts'

const indexes = { createIndex: 1, modifyIndex: 1 }
const service = (id: string, name = id): CatalogService => ({ ...sampleService(name, { id }), ...indexes })
const check = (checkId: string, serviceId = '') => ({ ...sampleCheck(checkId, { serviceId }), ...indexes })
const emptyRecord = () => new NodeRecord({ ...sampleNode('n1'), ...indexes })

t.test('changes since a mark are told once each, and none to a mark of another record', async (t) => {
  const record = emptyRecord()
  record.putService(service('before'))
  const mark = record.mark()
  t.same(record.changesSince(mark), { services: new Set(), checks: new Set() })
  record.putService(service('Web'))
  record.putCheck(check('C', 'Web'))
  record.putCheck(check('C', 'Web'))
  record.removeService('before')
  t.same(record.changesSince(mark), { services: new Set(['web', 'before']), checks: new Set(['c']) })
  t.same(record.changesSince(record.mark()), { services: new Set(), checks: new Set() })
  t.equal(record.copy().changesSince(mark), null)
})

t.test('who comes back after thousands of changes hears that all may be another', async (t) => {
  const record = emptyRecord()
  const old = record.mark()
  for (let i = 0; i < 1500; i++) record.putService(service(`s${i}`))
  t.equal(record.changesSince(old)?.services.size, 1500)
  const later = record.mark()
  for (let i = 0; i < 1500; i++) record.putCheck(check(`c${i}`))
  t.equal(record.changesSince(old), null)
  t.equal(record.changesSince(later)?.checks.size, 1500)
})

t.test('a service is known by its name and has its checks, however often either is put', async (t) => {
  const record = emptyRecord()
  record.putService(service('a', 'Web'))
  record.putService(service('b', 'web'))
  record.putService(service('b', 'db'))
  t.same([...record.serviceNames()], ['web', 'db'])
  record.putService(service('a', 'web'))
  record.removeService('a')
  t.same([record.carries('web'), record.carries('db')], [false, true])
  record.putCheck(check('z', 'B'))
  record.putCheck(check('Y', 'b'))
  record.putCheck(check('z'))
  t.same([record.checkKeysOf('b'), record.checkKeysOf('')], [['y'], ['z']], 'a check that moves is at one place')
  record.removeCheck('y')
  t.same([record.hasChecks('b'), record.hasChecks('')], [false, true])
})
