/** Members that are somebody else's program carry what is documented for them, and lose for real what they did not sync. */
import t from 'tap'
import { nemeses } from '../../../nemesis/index.ts'
import { consul } from '../../systems/consul.ts'
import { etcd } from '../../systems/etcd.ts'
import { requestTo } from '../../systems/leader.ts'
import { systemRequirement } from '../../testing/requirements.ts'
import { carriedOf, describeCarried } from '../carried-faults.ts'
import { ControlShell } from './control-shell.ts'
import { pollUntil } from './deadline.ts'
import { connectEngine } from './engine.ts'
import { createDockerEnvironment } from './index.ts'
import { listLabelled } from './reap.ts'
import { runLabel } from '../owner.ts'
import { testOptions } from './testing/docker-options.ts'

t.setTimeout(240_000)

for (const system of [consul, etcd]) {
  t.test(`${system.name}: what it carries, and a power cut`, { skip: await systemRequirement(system) }, async (t) => {
    const deployment = system.deployment!
    const said: string[] = []
    const options = testOptions((line) => { said.push(line); t.comment(line) }, { memberCount: 1, spareCount: 2, faults: Object.keys(nemeses), deployment })
    const environment = await createDockerEnvironment(options)
    t.teardown(() => environment[Symbol.asyncDispose]())
    const sorted = (carried: unknown) => JSON.parse(JSON.stringify(carried, (_key, value: unknown) => Array.isArray(value) ? [...value].sort() : value)) as Record<string, unknown>
    const documented = sorted(carriedOf('docker', deployment))
    // With one member the spares have other names.
    t.same(describeCarried(environment), { ...documented, spareMembers: { spares: ['n2', 'n3'] } })

    await environment.start()
    const client = system.client(requestTo(environment, 'n1'), 2_000)
    await pollUntil(async () => (await client.write('kept', 'yes')).type === 'ok' ? true : null, 50, 30_000, () => 'nothing could be written')
    const engine = await connectEngine()
    const within = async (script: string) => {
      const shell = new ControlShell(engine, `splitbrain-${options.runId}-n1`)
      try {
        return (await shell.run(script)).trim()
      } finally {
        shell.close()
      }
    }
    await within(`printf synced > /data/synced && sync /data/synced /data && printf lost > /data/unsynced`)
    t.equal(await within('cat /data/unsynced'), 'lost')
    await environment.kill!.cutPower!('n1', { torn: false })
    t.match(said.at(-1), /^n1 lost power: [1-9]\d* blocks of 4 KiB lost$/)
    await environment.kill!.restart('n1')
    t.equal(await within('cat /data/synced; cat /data/unsynced 2>/dev/null; true'), 'synced', 'what was not synced is gone')
    // Its own name for a leader comes back with it.
    let read: unknown
    await pollUntil(async () => (read = await client.read('kept', 'consistent'), (read as { type: string }).type === 'ok' ? true : null), 50, 30_000, () => JSON.stringify(read))
    t.match(read, { type: 'ok', value: 'yes' }, 'what was acknowledged is there')

    await environment[Symbol.asyncDispose]()
    t.same(await listLabelled(engine, `${runLabel}=${options.runId}`), [])
  })
}
