import { randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { dockerRequirement } from '../../testing/requirements.ts'
import { ownerLabels } from '../owner.ts'
import { pollUntil } from './deadline.ts'
import { connectEngine } from './engine.ts'
import { ensureMemberImage } from './image/member-image.ts'
import { MemberContainer } from './member-container.ts'
import { MemberDisks } from './member-disks.ts'
import { startNamespace } from './namespace-container.ts'
import { removeRun } from './reap.ts'
import { createRunNetwork } from './run-network.ts'

t.setTimeout(300_000)
const skip = await dockerRequirement()

/** Writes a line and syncs it, then one that it does not sync; a program that knows nothing of faults. */
const writer = `
import os, time
file = os.open("/data/log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
print("found %d" % os.fstat(file).st_size, flush=True)
os.write(file, b"S" * 5000)
os.fsync(file)
os.write(file, b"U" * 9000)
print("written", flush=True)
time.sleep(1000)`

/** Keeps a file until next to nothing is free. */
const deleter = `
import os, time
open("/data/old", "wb").write(b"o" * (8 << 20))
os.sync()
print("ready", flush=True)
while os.statvfs("/data").f_bavail > 0: pass
time.sleep(0.01)
os.remove("/data/old")
time.sleep(1000)`

t.test('a power cut on any program: what was synced stays, the rest is gone or torn', { skip }, async (t) => {
  const engine = await connectEngine()
  const image = await ensureMemberImage(engine, (line) => t.comment(line))
  const runId = `test-${randomBytes(4).toString('hex')}`
  const labels = ownerLabels(runId)
  t.teardown(() => removeRun(engine, runId))
  const runName = `splitbrain-${runId}`
  const network = await createRunNetwork(engine, runName, labels)
  const namespace = await startNamespace(engine, image, { name: `${runName}-net`, network, labels, binds: {} })
  const disks = await MemberDisks.make(engine, image, labels, runName, ['n1', 'n2'], (line) => t.comment(line))
  t.teardown(() => disks.close())
  t.same([...disks.kinds].sort(), ['full', 'read-only', 'slow'])
  const program = await MemberContainer.start(engine, {
    name: `${runName}-n1`, image, namespace, labels, command: ['python3', '-c', writer], environment: {}, files: {}, dataVolume: disks.volumeOf('n1'),
  })
  const lives = async (count: number) => pollUntil(async () => {
    const log = await program.log()
    return log.split('written').length - 1 >= count ? log : null
  }, 50, 30_000, () => 'the program did not write')

  await lives(1)
  t.match(await disks.cutPower('n1', program, null), /^[1-9]\d* blocks of 4 KiB lost$/)
  t.equal(await disks.cutPower('n1', program, null), 'it was dead')
  await program.startAgain()
  t.match(await lives(2), /found 5000\n[^]*$/, 'the synced line is there, the other is not')
  t.notMatch(await program.log(), /found 14000/)

  const torn = await disks.cutPower('n1', program, { seed: 7 })
  const stayed = Number(/log: (\d+) of 9000 lost bytes stay/.exec(torn)?.[1])
  t.ok(stayed > 0 && stayed < 9000, torn)
  await program.startAgain()
  t.match(await lives(3), new RegExp(`found ${10_000 + stayed}\\n`), 'a part of the unsynced line stays')

  // A kill without a power cut loses nothing: the kernel lives on.
  await program.kill()
  await program.startAgain()
  t.match(await lives(4), new RegExp(`found ${10_000 + stayed + 14_000}\\n`))

  // A member that deletes a file just as its disk gets full, as one does with old segments of its log.
  const deleting = await MemberContainer.start(engine, {
    name: `${runName}-n2`, image, namespace, labels, command: ['python3', '-c', deleter], environment: {}, files: {}, dataVolume: disks.volumeOf('n2'),
  })
  await pollUntil(async () => (await deleting.log()).includes('ready') ? true : null, 50, 30_000, () => 'the program did not write')
  const full = await disks.trouble('n2', deleting, { kind: 'full' })
  t.match(full.observed, { write: 'ENOSPC' })
  await full.heal()

  await removeRun(engine, runId)
  t.notMatch(spawnSync('losetup', ['-l'], { encoding: 'utf8' }).stdout ?? '', 'n1.img (deleted)', 'loop devices went with it')
})
