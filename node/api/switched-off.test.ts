/** What is not here answers as a Consul that has it switched off; and what a member says in words of its own. */
import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const body = (response: ApiResponse) => String(response.body)
const json = (response: ApiResponse) => JSON.parse(body(response)) as any

function single(): VirtualCluster {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  cluster.time.run(500)
  return cluster
}

t.test('each route of what is switched off', async (t) => {
  const cluster = single()
  const read = { 'X-Consul-Index': '1', 'X-Consul-Knownleader': 'true' }
  const failed = { 'X-Consul-Index': '1', 'X-Consul-Knownleader': 'false', 'X-Consul-Lastcontact': '0' }
  const table: [method: string, target: string, sent: string, status: number, answer: string, headers?: object][] = [
    ['GET', 'acl/tokens', '', 401, 'ACL support disabled'], ['PUT', 'acl/bootstrap', '', 401, 'ACL support disabled'], ['POST', 'acl/login', '{}', 401, 'ACL support disabled'], ['DELETE', 'acl/token/x', '', 401, 'ACL support disabled'], ['PUT', 'agent/token/default', '{}', 401, 'ACL support disabled'], ['GET', 'acl/token/self', '', 401, 'ACL support disabled'],
    ['GET', 'query', '', 200, '[]', { ...read, 'X-Consul-Effective-Consistency': 'leader' }], ['GET', 'query/x', '', 500, 'failed prepared query lookup: index error: UUID must be 36 characters', failed], ['GET', 'query/x/execute', '', 404, 'Query not found'], ['POST', 'query', '{}', 500, 'Invalid prepared query: Must be bound to a session'],
    ['POST', 'query', '{"Name":"q"}', 500, 'This server keeps no prepared queries'], ['POST', 'query', 'bad', 400, 'Request decode failed: invalid character \'b\' looking for beginning of value'],
    ['GET', 'coordinate/nodes', '', 200, '[]', read], ['GET', 'coordinate/node/n1', '', 404, ''], ['PUT', 'coordinate/update', '{"Node":"n1"}', 500, 'This server keeps no network coordinates'],
    ['GET', 'agent/connect/ca/roots', '', 500, 'Connect must be enabled in order to use this endpoint'], ['GET', 'connect/ca/roots', '', 500, 'Connect must be enabled in order to use this endpoint', failed], ['GET', 'discovery-chain/', '', 400, 'Bad request: Missing chain name'],
    ['GET', 'catalog/connect/x', '', 200, '[]'], ['GET', 'health/connect/x', '', 200, '[]'], ['GET', 'health/ingress/x', '', 200, '[]', read], ['GET', 'catalog/gateway-services/x', '', 200, 'null', read],
    ['GET', 'config/service-defaults', '', 200, '[]', read], ['GET', 'config/zap', '', 500, 'invalid config entry kind: zap'], ['GET', 'config/service-defaults/x', '', 404, 'Config entry not found for "service-defaults" / "x"', read], ['PUT', 'config', '{"Kind":"service-defaults"}', 500, 'This server keeps no config entries'],
    ['GET', 'connect/intentions/check?source=a&destination=b', '', 200, '{"Allowed":true}'], ['GET', 'connect/intentions/check?source=a', '', 500, "required query parameter 'destination' not set"], ['GET', 'connect/intentions/match?by=source&name=a', '', 200, '{"a":null}'], ['GET', 'connect/intentions/x', '', 400, 'Bad request: failed intention lookup: index error: UUID must be 36 characters'],
    ['POST', 'connect/intentions', '{"SourceName":"a","DestinationName":"b","Action":"deny"}', 500, 'This server keeps no intentions'], ['PUT', 'connect/intentions/c0f2d109-b79a-ed2e-1d5b-ae60e1b3400f', '{}', 500, "Cannot modify non-existent intention: 'c0f2d109-b79a-ed2e-1d5b-ae60e1b3400f'"],
    ['GET', 'operator/keyring', '', 500, '2 errors occurred:\n\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* n1: Keyring is empty (encryption not enabled)\n\n'], ['GET', 'operator/keyring?relay-factor=6', '', 400, 'Bad request: Invalid relay-factor: Relay factor must be in range: [0, 5]'],
    ['POST', 'operator/keyring', '{"Key":"x"}', 500, '1 error occurred:\n\t* dc1 (LAN) error: illegal base64 data at input byte 0\n\n'], ['DELETE', 'operator/keyring', '', 400, 'Bad request: Request decode failed: EOF'],
    ['GET', 'agent/members?segment=x', '', 500, 'Network segments are not supported in this version of Consul'], ['GET', 'agent/host', '', 200, '{}'], ['PUT', 'agent/reload', '', 200, ''], ['GET', 'agent/monitor', '', 500, 'this member keeps no log'],
    ['GET', 'kv/x?ns=a', '', 400, 'Bad request: Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'], ['GET', 'kv/x?ns=a&index=x', '', 400, 'Invalid index'], ['GET', 'kv/?ns=a', '', 400, 'Missing key name'], ['GET', 'catalog/nodes?ns=a&near=zz&node-meta=no:body', '', 200, '[]'], ['PUT', 'agent/service/register?ns=a', '{"Name":"x"}', 400, 'Bad request: Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'],
  ]
  for (const [method, target, sent, status, answer, headers = {}] of table) {
    const response = cluster.ask('n1', method, `/v1/${target}`, sent)
    t.same([response.status, body(response)], [status, answer], `${method} ${target} ${sent}`)
    t.match(response.headers, headers, `${method} ${target}: headers`)
  }
  t.match(json(cluster.ask('n1', 'GET', '/v1/coordinate/datacenters')), [{ Datacenter: 'dc1', AreaID: 'wan', Coordinates: [{ Node: 'n1', Coord: { Error: 1.5 } }] }])
  t.equal(cluster.ask('n1', 'OPTIONS', '/v1/acl/token/x').headers['Allow'], 'OPTIONS,GET,PUT,DELETE')
})

t.test('a member that waits on what never comes is answered when its time is over', async (t) => {
  const cluster = single()
  const waiting = cluster.request('n1', 'GET', '/v1/coordinate/nodes?index=1&wait=10s')
  cluster.time.run(9000)
  t.equal(waiting.response, null)
  t.ok(cluster.time.runUntil(() => waiting.response !== null, 3000))
})

t.test('what the web interface asks: nodes with all on them, services in numbers', async (t) => {
  const cluster = single()
  cluster.ask('n1', 'PUT', '/v1/catalog/register', JSON.stringify({ Node: 'x', Address: '1.2.3.4', Service: { Service: 'web', Tags: ['b', 'a'], Meta: { 'external-source': 'k8s' } }, Check: { Name: 'c', Status: 'warning' } }))
  cluster.ask('n1', 'PUT', '/v1/catalog/register', JSON.stringify({ Node: 'y', Address: '1.2.3.5', Service: { Service: 'web', Tags: ['a'] }, Check: { Name: 'd', Status: 'critical', ServiceID: 'web' } }))
  t.match(json(cluster.ask('n1', 'GET', '/v1/internal/ui/services')), [{ Name: 'consul' }, { Name: 'web', Tags: ['a', 'b'], Nodes: ['x', 'y'], InstanceCount: 2, ChecksPassing: 0, ChecksWarning: 1, ChecksCritical: 1, ExternalSources: ['k8s'] }])
  t.match(json(cluster.ask('n1', 'GET', '/v1/internal/ui/nodes?filter=Node==x')), [{ Node: 'x', Services: [{ ID: 'web' }], Checks: [{ CheckID: 'c' }] }])
  t.match(json(cluster.ask('n1', 'GET', '/v1/internal/ui/node/y')), { Node: 'y', Address: '1.2.3.5', Checks: [{ CheckID: 'd', ServiceName: 'web' }] })
  t.equal(cluster.ask('n1', 'GET', '/v1/internal/ui/node/z').status, 404)
  t.match(json(cluster.ask('n1', 'GET', '/v1/internal/ui/services?filter=Node.Node==x')), [{ Name: 'web', InstanceCount: 1 }])
})

t.test('how fresh an answer is, is said in every way that was asked for', async (t) => {
  const cluster = single()
  const effective = (query: string) => cluster.ask('n1', 'GET', `/v1/catalog/nodes?${query}`).headers['X-Consul-Effective-Consistency']
  t.same(['', 'stale', 'consistent', 'max_stale=5s', 'max_stale=0s'].map(effective), ['leader', 'stale', 'consistent', 'stale', 'leader'])
  t.equal(cluster.ask('n1', 'GET', '/v1/health/service/web?cached').headers['X-Cache'], 'MISS')
  t.equal(cluster.ask('n1', 'GET', '/v1/health/service/web').headers['X-Cache'], undefined)
})
