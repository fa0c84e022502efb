import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { seededRandom } from '../../../node/base/random.ts'
import { dockerRequirement } from '../../testing/requirements.ts'
import { runLabel } from '../owner.ts'
import { connectEngine } from './engine.ts'
import { ensureMemberImage } from './image/member-image.ts'
import { listLabelled, reapDeadRuns } from './reap.ts'

t.setTimeout(600_000)
const skip = await dockerRequirement()
const moments = 10

/** Image files behind loop devices whose file is gone; null where that cannot be asked. */
function orphanedLoops(): number | null {
  const { status, stdout } = spawnSync('losetup', ['-l', '--noheadings', '-O', 'BACK-FILE'], { encoding: 'utf8' })
  return status === 0 ? stdout.split('\n').filter((line) => /\/disks\/n\d+\.img/.test(line) && line.includes('(deleted)')).length : null
}

t.test(`a harness that is killed at any of ${moments} moments leaves nothing that the next start does not clean up`, { skip }, async (t) => {
  const engine = await connectEngine()
  await ensureMemberImage(engine, (line) => t.comment(line))
  const random = seededRandom(4)
  for (let moment = 1; moment <= moments; moment++) {
    const runId = `test-${randomBytes(4).toString('hex')}`
    const child = spawn(process.execPath, [fileURLToPath(new URL('./testing/broken-run.ts', import.meta.url)), runId], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    let reached = 'begun'
    // While things are made, when members start, or some time into the faults.
    const stage = ['begun', 'made', 'faults', 'faults'][moment % 4]!
    await new Promise<void>((resolve, reject) => {
      child.on('exit', () => reject(new Error(`it ended by itself after it had ${reached}`)))
      const arm = () => setTimeout(resolve, random.between(0, stage === 'begun' ? 2_500 : 3_000))
      if (stage === 'begun') arm()
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        const before = reached
        reached = text.trim().split('\n').at(-1)!
        if (stage !== 'begun' && before !== stage && text.includes(stage)) arm()
      })
    })
    child.removeAllListeners('exit')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await reapDeadRuns(() => {})
    const left = (await listLabelled(engine, `${runLabel}=${runId}`)).map(({ kind, id }) => `${kind} ${id}`)
    t.same(left, [], `killed when it had ${reached}`)
  }
  const loops = orphanedLoops()
  if (loops !== null) t.equal(loops, 0, 'no loop device outlives its image')
})
