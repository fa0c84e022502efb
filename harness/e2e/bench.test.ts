import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { testDirectory } from '../../node/testing/test-directory.ts'
import { readBenchRecord } from '../../results/bench/bench-record.ts'

const launcher = fileURLToPath(new URL('../cli/launch.js', import.meta.url))

/** Processes that work below the directory or were given it for temporary files: members, and what makes the load. */
function processesOf(temporary: string): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const [command, environment] = ['cmdline', 'environ'].map((file) => readFileSync(join('/proc', pid, file), 'latin1').replaceAll('\0', ' '))
      return `${command} ${environment}`.includes(temporary) ? [command!] : []
    } catch {
      return [] // It has ended meanwhile, or is somebody else's.
    }
  })
}

/** As a user starts it, on processes of this machine. */
t.test('bench writes, ended by Ctrl-C: what was measured is written, and nothing is left', { timeout: 300_000, skip: process.platform === 'linux' ? false : 'looks for processes in /proc, which only Linux has' }, async (t) => {
  const temporary = testDirectory(t, { tmp: {} })
  const tmp = join(temporary, 'tmp')
  const child = spawn(process.execPath, [
    launcher, 'bench', 'writes', '--env', 'local', '--at', 'leader', '--connections', '4', '--value-bytes', '16', '--seconds', '1', '--warm-up', '0.2',
    '--rounds', '1000', '--seed', '7', '--store', join(temporary, 'store'),
  ], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TMPDIR: tmp } })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  let output = ''
  const secondRound = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => {
      output += chunk
      if (/round 2 of 1000/.test(output)) resolve()
    })
    child.on('exit', () => reject(new Error(`it ended before its second round:\n${output}`)))
  })
  await secondRound
  t.ok(processesOf(tmp).some((command) => command.includes('load-process')), 'the process that makes the load is found while it lives')
  child.kill('SIGINT')
  t.same(await ended, [130, null], output)
  t.match(output, /throughput, \/s \(higher is better\)[^]*interrupted; what had been measured is written/)
  t.same(processesOf(tmp), [])
  t.same(readdirSync(tmp).filter((name) => !/^splitbrain-runs(-\d+)?$/.test(name)), [])

  const directory = join(temporary, 'store', 'bench', 'latest')
  t.same(readdirSync(directory).sort(), ['bench.csv', 'bench.html', 'bench.json'])
  const { measurements, machine } = readBenchRecord(join(directory, 'bench.json'))
  const first = (metric: string) => measurements.find((one) => one.metric === metric)!.samples[0]!
  t.ok(first('throughput') > 1)
  t.ok(first('latency p50 at 50 % load') > 0 && first('latency p99 at 50 % load') >= first('latency p50 at 50 % load'))
  for (const role of ['the leader', 'follower 1', 'follower 2']) t.ok(first(`cpu of ${role} per 1,000 operations`) >= 0 && first(`memory of ${role}`) > 10, role)
  t.ok(machine.cores >= 1 && machine.memoryMiB > 100)
})
