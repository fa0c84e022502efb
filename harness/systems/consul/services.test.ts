import t from 'tap'
import type { HttpOutcome, HttpRequest } from '../../environments/environment.ts'
import { ConsulMembersClient } from './members.ts'
import { ConsulServiceClient } from './services.ts'

/** A member whose answers are given, which remembers what was asked. */
function member(status: number, body: unknown) {
  const asked: HttpRequest[] = []
  const request = async (what: HttpRequest): Promise<HttpOutcome> => {
    asked.push(what)
    return { kind: 'response', status, headers: {}, body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) }
  }
  return { asked, request, services: new ConsulServiceClient(request, 1000), members: new ConsulMembersClient(request, 1000) }
}

const silent = async (): Promise<HttpOutcome> => ({ kind: 'lost', error: 'reset' })

t.test('what is asked is Consul\'s API', async (t) => {
  const { asked, services } = member(200, '')
  t.same(await services.register({ id: 's 1', name: 'api', port: 80, ttlMs: 3000 }), { type: 'ok' })
  t.same(await services.register({ id: 's2', name: 'api', port: 81, ttlMs: null }), { type: 'ok' })
  t.same(await services.report('s 1', 'warning'), { type: 'ok' })
  t.same(await services.deregister('s 1'), { type: 'ok' })
  t.same(asked.map(({ method, target }) => [method, target]), [
    ['PUT', '/v1/agent/service/register'], ['PUT', '/v1/agent/service/register'],
    ['PUT', '/v1/agent/check/warn/check-of-s%201'], ['PUT', '/v1/agent/service/deregister/s%201'],
  ])
  t.same(JSON.parse(String(asked[0]!.body)), { ID: 's 1', Name: 'api', Port: 80, Check: { CheckID: 'check-of-s 1', Name: 'reported', TTL: '3000ms' } })
  t.same(JSON.parse(String(asked[1]!.body)), { ID: 's2', Name: 'api', Port: 81 })
})

const node = { Node: 'n1', Address: '10.0.0.1' }
const check = (ServiceID: string, Status: string) => ({ CheckID: `x${ServiceID}${Status}`, ServiceID, Status })

t.test('instances: an instance\'s own checks, and its node\'s', async (t) => {
  const { asked, services } = member(200, [
    { Node: node, Service: { ID: 's1', Service: 'api', Port: 80 }, Checks: [check('', 'passing'), check('s1', 'passing'), check('s1', 'warning')] },
    { Node: node, Service: { ID: 's2', Service: 'api', Port: 81 }, Checks: [check('', 'critical')] },
  ])
  t.same(await services.instances('api', 'stale'), { type: 'ok', instances: [
    { id: 's1', node: 'n1', port: 80, status: 'warning', nodeStatus: 'passing' },
    { id: 's2', node: 'n1', port: 81, status: 'passing', nodeStatus: 'critical' },
  ] })
  await services.instances('api', 'default')
  t.same(asked.map(({ target }) => target), ['/v1/health/service/api?stale', '/v1/health/service/api'])
})

t.test('what makes no sense is a failed read', async (t) => {
  t.match(await member(200, '[{]').services.instances('api', 'default'), { type: 'fail', error: /malformed/ })
  t.match(await member(200, [{ Node: node, Service: { ID: 's1', Service: 'web', Port: 80 }, Checks: [] }]).services.instances('api', 'default'), { type: 'fail', error: /asked for api, got web/ })
  t.match(await member(200, [{ Node: node, Service: { ID: 's1', Service: 'api', Port: 80 }, Checks: [check('s1', 'fine')] }]).services.instances('api', 'default'), { type: 'fail', error: /malformed/ })
  t.match(await member(500, 'No cluster leader').services.instances('api', 'default'), { type: 'fail', error: /No cluster leader/ })
})

t.test('one table says what may have happened', async (t) => {
  t.match(await member(500, 'CheckID "check-of-s1" does not have associated TTL').services.report('s1', 'passing'), { type: 'fail' })
  t.match(await member(400, 'Missing service name').services.register({ id: 's1', name: '', port: 1, ttlMs: null }), { type: 'fail' })
  t.match(await member(500, 'disk full').services.deregister('s1'), { type: 'info' })
  t.match(await new ConsulServiceClient(silent, 1000).register({ id: 's1', name: 'api', port: 1, ttlMs: null }), { type: 'info' })
  t.match(await new ConsulServiceClient(silent, 1000).instances('api', 'stale'), { type: 'fail' })
})

t.test('members, with serf\'s numbers in words', async (t) => {
  const { members, asked } = member(200, [{ Name: 'n1', Status: 1 }, { Name: 'n2', Status: 2 }, { Name: 'n3', Status: 3 }, { Name: 'n4', Status: 4 }])
  t.same(await members.view(), { type: 'ok', members: [{ name: 'n1', status: 'alive' }, { name: 'n2', status: 'leaving' }, { name: 'n3', status: 'left' }, { name: 'n4', status: 'failed' }] })
  t.equal(asked[0]!.target, '/v1/agent/members')
  t.match(await member(200, [{ Name: 'n1', Status: 9 }]).members.view(), { type: 'fail', error: /malformed/ })
  t.match(await member(200, [{ Name: 'n1', Status: 1 }, { Name: 'n1', Status: 4 }]).members.view(), { type: 'fail', error: /twice/ })
  t.match(await new ConsulMembersClient(silent, 1000).view(), { type: 'fail' })
})
