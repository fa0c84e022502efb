/**
 * `npm run bench:startup -- [docker,local] [rounds]`: seconds from `splitbrain
 * test` being started to the first operation in its history, for 3 and 5 members.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { spreadOf } from '../../results/bench/spread.ts'

const environments = (process.argv[2] ?? 'docker,local').split(',')
const rounds = Number(process.argv[3] ?? 3)
const launcher = fileURLToPath(new URL('../cli/launch.js', import.meta.url))

for (const env of environments) {
  for (const members of [3, 5]) {
    const seconds: number[] = []
    for (let round = 0; round < rounds; round++) seconds.push(await secondsToFirstOperation(env, members))
    console.log(`${env}, ${members} members: first operation after ${spreadOf(seconds).median.toFixed(2)} s (median of ${rounds}: ${seconds.map((value) => value.toFixed(2)).join(', ')})`)
  }
}

async function secondsToFirstOperation(env: string, members: number): Promise<number> {
  const store = mkdtempSync(join(tmpdir(), 'splitbrain-bench-'))
  const startedMs = performance.now()
  const child = spawn(process.execPath, [launcher, 'test', '--env', env, '--members', String(members), '--nemesis', 'none', '--time-limit', '1', '--store', store], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  try {
    while (performance.now() - startedMs < 120_000 && child.exitCode === null) {
      const history = globSync('**/history.jsonl', { cwd: store })[0]
      if (history !== undefined && readFileSync(join(store, history), 'utf8').includes('"invoke"')) return (performance.now() - startedMs) / 1e3
      await sleep(5)
    }
    throw new Error(`splitbrain test --env ${env} came to no first operation (exit code ${child.exitCode})`)
  } finally {
    await ended
    rmSync(store, { recursive: true, force: true })
  }
}
