import t from 'tap'
import type { LaunchedMember } from '../environments/deployment.ts'
import { consulDeployment } from './consul-deployment.ts'

const everyone = ['n1', 'n2', 'n3', 'n4'].map((name, i) => ({ name, address: `10.0.0.${i + 1}` }))
const launched = (name: string, config = {}): LaunchedMember => ({
  name, address: everyone.find((one) => one.name === name)!.address, founders: everyone.slice(0, 3), everyone, dataDirectory: '/data', configFile: '/etc/member.json', config,
})
const joins = (command: readonly string[]) => command.flatMap((word, i) => command[i - 1] === '-retry-join' ? [word] : [])

t.test('founders wait for each other, not for spares; a spare may join anybody', async (t) => {
  const { command } = consulDeployment.launch(launched('n2'))
  t.same(joins(command), ['10.0.0.1', '10.0.0.3'])
  t.match(command.join(' '), '-node n2 -bootstrap-expect 3 -bind 10.0.0.2')
  t.same(joins(consulDeployment.launch(launched('n4')).command), ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
})

t.test('what a run adds to the config wins, key by key', async (t) => {
  const config = JSON.parse(consulDeployment.launch(launched('n1', { performance: { raft_multiplier: 5 }, raft_snapshot_threshold: 60 })).config) as Record<string, unknown>
  t.match(config, { performance: { raft_multiplier: 5 }, raft_snapshot_threshold: 60, disable_update_check: true })
})
