/** Blocking queries on catalog and health. */
import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'
import type { ApiResponse } from './exchange.ts'

const json = (response: ApiResponse) => JSON.parse(Buffer.from(response.body as Uint8Array).toString()) as any

t.test('a query waits until what it reads has changed, and sleeps through the rest', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  cluster.time.run(100)
  const register = (body: object) => cluster.ask('n1', 'PUT', '/v1/catalog/register', JSON.stringify({ Node: 'ext', Address: '10.0.0.1', ...body }))
  const service = (name: string, port = 80) => ({ Service: { Service: name, Port: port } })
  const check = (status: string) => ({ Check: { Name: 'c', Status: status } })
  register(service('web'))
  const table: [target: string, change: object, wakes: boolean][] = [
    ['catalog/service/web', service('db'), false], ['catalog/service/web', service('web', 81), true], ['catalog/service/web', check('passing'), false],
    ['health/service/web', check('critical'), true], ['health/service/web', service('db', 81), false], ['health/service/none', service('none'), true],
    ['catalog/nodes', service('x'), false], ['catalog/nodes', { Node: 'ext2' }, true], ['catalog/services', check('warning'), false], ['catalog/services', service('y'), true],
    ['health/state/any', check('passing'), true], ['catalog/node/ext', service('z'), true], ['health/service/web', service('web', 81), false],
  ]
  for (const [target, change, wakes] of table) {
    const index = cluster.ask('n1', 'GET', `/v1/${target}`).headers['X-Consul-Index']
    const waiting = cluster.request('n1', 'GET', `/v1/${target}?index=${index}&wait=5m`)
    register(change)
    cluster.time.run(10)
    t.equal(waiting.response !== null, wakes, `${target} ${JSON.stringify(change)}`)
    if (waiting.response !== null) t.ok(Number(waiting.response.headers['X-Consul-Index']) > Number(index))
  }
  const index = cluster.ask('n1', 'GET', '/v1/health/service/web').headers['X-Consul-Index']
  const waiting = cluster.request('n1', 'GET', `/v1/health/service/web?passing&index=${index}`)
  cluster.ask('n1', 'PUT', '/v1/catalog/deregister', '{"Node":"ext"}')
  cluster.time.run(10)
  t.strictSame(json(waiting.response!), [])
})
