import * as packet from 'dns-packet'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { clientOf } from '../../systems/leader.ts'
import { registry } from '../../systems/registry.ts'
import type { Environment } from '../environment.ts'
import { type ClusterOptions, gossipView, json, until, withCluster as cluster } from './testing.ts'

const directory = mkdtempSync(join(tmpdir(), 'splitbrain-simulated-dns-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const withCluster = <T>(options: Omit<ClusterOptions, 'workDirectory'>, main: (environment: Environment) => Promise<T>) => cluster({ ...options, workDirectory: directory }, main)

t.test('every member\'s DNS gives what was registered at one, and not to whom it is cut off from', async (t) => {
  await withCluster({}, async (environment) => {
    const client = (member: string) => clientOf(registry, environment, member, 1000)
    t.same(await client('n1').services!.register({ id: 's1', name: 'api', port: 81, ttlMs: null }), { type: 'ok' })
    for (const member of environment.members) {
      await until(environment, async () => {
        const found = await client(member).dns!.locations('api')
        return found.type === 'ok' && found.locations.length === 1 && found.locations[0]!.node === 'n1' && found.locations[0]!.port === 81 ? true : null
      }, `${member}'s DNS`)
    }
    const cut = await environment.cutClients!.cutClients(['n2'])
    t.match(await client('n2').dns!.locations('api'), { type: 'fail', error: /no answer within/ })
    t.match(await client('n3').dns!.locations('api'), { type: 'ok' })
    await cut.heal()
    t.match(await client('n2').dns!.locations('api'), { type: 'ok' })
    await environment.kill!.kill('n2')
    t.match(await client('n2').dns!.locations('api'), { type: 'fail', error: /ECONNREFUSED/ })
    t.match(await environment.dns!.query('n1', packet.encode({ type: 'response', id: 1 }), 500), { kind: 'none' }, 'an answer is not answered')
  })
})

t.test('a member that is dead for long stays in the cluster, as the members\' config file has it', async (t) => {
  const after = (memberConfig: Record<string, unknown>) => withCluster({ memberConfig }, async (environment) => {
    // Autopilot takes nobody out before all of them have been voters for a while.
    await environment.clock.sleep(20_000)
    await environment.kill!.kill('n3')
    await environment.clock.sleep(60_000)
    const leader = await until(environment, async () => {
      const views = await Promise.all(['n1', 'n2'].map((member) => json(environment, member, '/v1/agent/self')))
      return views.findIndex((self) => self?.Stats.raft.state === 'Leader') >= 0 ? environment.members[views.findIndex((self) => self?.Stats.raft.state === 'Leader')]! : null
    })
    const { Servers } = await json(environment, leader, '/v1/operator/raft/configuration') as { Servers: unknown[] }
    return { status: (await gossipView(environment, leader))['n3'], servers: Servers.length }
  })
  t.same(await after({}), { status: 4, servers: 3 }, 'failed, and still a server')
  t.same(await after({ autopilot: { cleanup_dead_servers: true } }), { status: 3, servers: 2 }, 'the other way round: the setting reaches the member')
})
