import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readMembersRecord } from '../../results/compare/members-record.ts'
import { realHost } from '../runner/host.ts'
import type { Stop } from '../runner/stop.ts'
import { runCompareCommand } from './compare-command.ts'
import type { CompareFlags } from './compare-flags.ts'

const brief: CompareFlags = { env: 'simulated', seed: 5, rounds: 1, kills: 1, faultSeconds: 2, loadSeconds: 0.1, connections: 2 }

/** As from the command line, in a directory of its own. */
async function compare(workingDirectory: string, records: readonly string[], flags: CompareFlags, interruptAt?: RegExp) {
  const lines: string[] = []
  const errors: string[] = []
  let interrupt: Stop | undefined
  const exitCode = await runCompareCommand(records, flags, ['--members', '3,4'], {
    workingDirectory,
    host: realHost,
    io: {
      print: (line) => {
        lines.push(line)
        if (interruptAt?.test(line)) interrupt!.stop('SIGINT')
      },
      error: (line) => void errors.push(line),
    },
    showProgress: () => { throw new Error('no progress is shown') },
    listenForSignals: (one) => {
      interrupt = one
      return { [Symbol.dispose]() {} }
    },
  })
  const record = join(workingDirectory, 'results/store/compare/latest/compare.json')
  return { exitCode, text: lines.join('\n'), errors: errors.join('\n'), record: existsSync(record) ? readMembersRecord(record) : null }
}

t.test('members are compared in a simulation: the same seed measures the same, and records can be compared in turn', async (t) => {
  const first = await compare(t.testdir(), [], { ...brief, members: [3, 4] })
  t.equal(first.exitCode, 0, first.errors)
  const of = (metric: string, members: number, fault?: string) =>
    first.record!.measurements.find((one) => one.metric === metric && one.case['members'] === members && one.case['fault'] === fault)!.samples[0]!
  const settled = 'writes acknowledged by the largest group, second half'
  for (const members of [3, 4]) {
    for (const metric of ['throughput of writes', 'latency of writes, median', 'latency of writes, p99', 'time to a new leader', 'time to the first acknowledged write']) t.ok(of(metric, members) > 0, `${metric} of ${members}`)
    t.ok(of(settled, members, '1 lost, a follower') >= 90)
    t.equal(of(settled, members, '2 lost, followers'), 0)
    t.equal(of(settled, members, '2 lost, the leader too'), 0)
    t.ok(of('longest time without an acknowledged write', members, '2 lost, followers') >= 1900, 'nothing was acknowledged after it')
  }
  t.ok(of(settled, 3, 'even split') >= 90, '2|1')
  t.equal(of(settled, 4, 'even split'), 0, '2|2')
  t.ok(of(settled, 4, 'odd split') >= 90, '3|1')
  t.match(first.text, /4 members survive the loss of 1, and so do 3/)
  t.match(first.record!.rerun, /^npx splitbrain compare --env simulated --members 3,4 --seed 5$/)

  const again = t.testdir()
  const second = await compare(again, [], { ...brief, members: [4], json: true })
  t.same(JSON.parse(second.text).measurements, first.record!.measurements.filter((one) => one.case['members'] === 4), 'also where other sizes are not measured')
  const place = join(again, 'results/store/compare/latest')
  t.match(readFileSync(join(place, 'compare.html'), 'utf8'), /What the numbers show/)
  const turn = await compare(again, [place, place], {})
  t.match(turn.text, /A: 4 members of registry, simulated/)
  t.match(turn.text, /Nothing can be claimed of \d+ metrics of B and A: .*they are the same/)
})

t.test('ended early: what was measured is written', async (t) => {
  const ended = await compare(t.testdir(), [], { ...brief, members: [3] }, /1 lost, a follower/)
  t.equal(ended.exitCode, 130)
  t.match(ended.errors, /interrupted; what had been measured is written/)
  t.ok(ended.record!.measurements.some(({ metric }) => metric === 'time to a new leader'))
  t.notOk(ended.record!.measurements.some((one) => one.case['fault'] === 'odd split'))
})

t.test('flags that do not fit: a sentence, and nothing is started', async (t) => {
  for (const [flags, said] of [
    [{ members: [3, 99] }, /--members 99: a cluster has 1 to/],
    [{ rounds: 0 }, /--rounds 0: give a whole number above zero/],
    [{ faultSeconds: 0.2 }, /--fault-seconds 0.2: give at least 1/],
    [{ seed: -1 }, /--seed -1/],
    [{ system: 'consul' }, /consul runs in containers only, .*use --env docker/],
  ] as const) await t.rejects(compare(t.testdir(), [], { ...brief, members: [3], ...flags }), { name: 'UsageError', message: said })
})
