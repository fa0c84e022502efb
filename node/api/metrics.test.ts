import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'

t.test('a member that measures nothing says so in Consul\'s form', async (t) => {
  const cluster = new VirtualCluster(1)
  t.match(cluster.ask('n1', 'GET', '/v1/agent/metrics'), { status: 200, body: /"Gauges":\[\]/ })
  t.match(cluster.ask('n1', 'GET', '/v1/agent/metrics?format=prometheus'), { status: 415, body: 'Prometheus is not enabled since its retention time is not positive' })
})
