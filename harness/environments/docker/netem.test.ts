import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { LinkDisturber } from './link-disturber.ts'
import { LinkHolds } from './link-holds.ts'
import { isCalm, netemArguments, netemCalmScript, netemFeatureScript, netemScript } from './netem.ts'
import { link } from './testing/docker-options.ts'
import { consulPorts } from './traffic.ts'

t.test('what netem is told', async (t) => {
  t.equal(netemArguments({ kind: 'loss', probability: 0.3, burstLength: 1 }), 'loss 30%')
  // A burst of five ends with one in five; of 20 % lost, one in twenty packets begins one.
  t.equal(netemArguments({ kind: 'loss', probability: 0.2, burstLength: 5 }), 'loss gemodel 5% 20%')
  t.equal(netemArguments({ kind: 'delay', delayMs: 80, jitterMs: 0, distribution: 'uniform' }), 'delay 80ms')
  t.equal(netemArguments({ kind: 'delay', delayMs: 80, jitterMs: 10, distribution: 'uniform' }), 'delay 80ms 10ms')
  t.equal(netemArguments({ kind: 'delay', delayMs: 80, jitterMs: 10, distribution: 'pareto' }), 'delay 80ms 10ms distribution pareto')
  t.equal(netemArguments({ kind: 'duplicate', probability: 0.05 }), 'duplicate 5%')
  t.equal(netemArguments({ kind: 'reorder', probability: 0.2, gapMs: 10 }), 'delay 10ms reorder 80%')
  t.equal(netemArguments({ kind: 'corrupt', probability: 0.001 }), 'corrupt 0.1%')
  t.equal(netemArguments({ kind: 'bandwidth', kbitPerS: 1000 }), 'rate 1000kbit')
  t.equal(netemArguments({ kind: 'mtu', maxBytes: 600 }), null)
})

t.test('one queue, and filters for either port of a conversation', async (t) => {
  const script = netemScript({ number: 7, band: 10, destinations: ['10.0.0.2', '10.0.0.3'], traffic: 'raft', arguments: 'delay 5ms' }, consulPorts)
  t.match(script, /tc qdisc add dev eth0 parent 1:a handle 100a: netem limit 10000 delay 5ms/)
  t.equal(script.match(/tc filter add /g)!.length, 8)
  t.match(script, /pref 7 u32 match ip dst 10\.0\.0\.3\/32 match ip protocol 6 0xff match ip dport 8300 0xffff flowid 1:a/)
  const all = netemScript({ number: 7, band: 2, destinations: ['10.0.0.2'], traffic: 'all', arguments: 'delay 5ms' }, consulPorts)
  t.match(all, /u32 match ip dst 10\.0\.0\.2\/32 flowid 1:2$/)
  t.match(netemCalmScript(7, 10), /filter del dev eth0 parent 1: protocol ip pref 7 .*qdisc del dev eth0 parent 1:a /)
  t.notOk(isCalm('qdisc netem 100a: parent 1:a limit 10000 delay 5ms', 10))
  t.ok(isCalm('qdisc prio 1: root refcnt 2 bands 16', 10))
})

t.test('whether the kernel has it is tried, not looked up', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-netem-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  /** A `tc` that refuses what matches, and writes down all that it is asked. */
  const tried = (refused: string) => {
    writeFileSync(join(directory, 'tc'), `#!/bin/sh\necho "$@" >> ${directory}/asked\ncase "$*" in ${refused}) echo 'Error: Specified qdisc kind is unknown.' >&2; exit 2;; esac\n`)
    chmodSync(join(directory, 'tc'), 0o755)
    return execFileSync('sh', ['-c', netemFeatureScript], { env: { PATH: `${directory}:${process.env['PATH']}` }, encoding: 'utf8' }).trim()
  }
  t.equal(tried('nothing'), 'netem works')
  t.match(readFileSync(join(directory, 'asked'), 'utf8'), /qdisc del dev lo root\n$/, 'and nothing is left')
  t.equal(tried('*netem*'), 'netem missing Error: Specified qdisc kind is unknown.')
  t.equal(tried('*prio*'), 'netem missing Error: Specified qdisc kind is unknown.')
})

t.test('without NFQUEUE and with netem: senders get the queue, and lose it when it is healed', async (t) => {
  const scripts: string[] = []
  let queues = ''
  const namespaces = ['n1', 'n2', 'n3'].map((member, i) => ({
    member, address: `10.0.0.${i + 1}`,
    async run(script: string) {
      if (script.includes('SB-TRY')) return 'statistic works\nlength works\nnfqueue missing no such target\n'
      if (script === netemFeatureScript) return 'netem works\n'
      if (script.includes('netem limit')) queues = `qdisc netem ${/handle (\w+):/.exec(script)![1]}: parent 1:2`
      if (script.includes('qdisc del')) queues = ''
      scripts.push(`${member}: ${script}`)
      return queues
    },
    agent: {
      /** Probes of a link that has a queue arrive 80 ms late. */
      async command(...words: readonly (string | number)[]) {
        return words[0] === 'heard' ? Array.from({ length: 20 }, (_, sequence) => ['10.0.0.1', sequence, queues === '' ? 200 : 80_000, 1]) : []
      },
    },
  }))
  const disturber = await LinkDisturber.prepare(namespaces, new LinkHolds(), () => 1)
  t.same(new Set(disturber.kinds), new Set(['loss', 'mtu', 'delay', 'duplicate', 'reorder', 'corrupt', 'bandwidth']))
  const effect = await disturber.disturb([link('n1>n2')], { kind: 'delay', delayMs: 80, jitterMs: 0, distribution: 'uniform' }, 'all')
  t.match(effect.observed, { 'n1>n2': { delayMsMedian: 80 } })
  t.match(scripts.at(-1), /^n1: .*netem limit 10000 delay 80ms && tc filter add .* dst 10\.0\.0\.2\/32/)
  t.match(await effect.heal(), { 'n1>n2': { delayMsMedian: 0.2 } })
  t.match(scripts.at(-1), /^n1: tc filter del/)
  t.equal(await effect.heal(), null)
})
