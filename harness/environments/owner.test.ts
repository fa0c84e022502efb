import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { currentOwner, isOwnerDead, ownerLabels, ownerOf, processStartTime, type Owner } from './owner.ts'

const here: Owner = { pid: 10, startTime: '100', host: 'a', boot: 'b1' }
const running = (startTime: string | null) => () => startTime

t.test('labels name their owner', async (t) => {
  t.same(ownerOf(ownerLabels('r1', here)), here)
  t.equal(ownerOf({}), null)
  t.equal(ownerOf({ ...ownerLabels('r1', here), 'splitbrain.owner.pid': '-1' }), null)
})

t.test('dead is only who is certainly dead', async (t) => {
  const owner = { ...here, pid: 77, startTime: '700' }
  t.equal(isOwnerDead(owner, here, running('700')), false, 'it runs')
  t.equal(isOwnerDead(owner, here, running(null)), true, 'there is no such process')
  t.equal(isOwnerDead(owner, here, running('701')), true, 'its number is another process now')
  t.equal(isOwnerDead({ ...owner, boot: 'b0' }, here, running('700')), true, 'the machine has booted since')
  t.equal(isOwnerDead({ ...owner, host: 'other' }, here, running(null)), false, 'another machine cannot be asked')
  t.equal(isOwnerDead({ ...owner, startTime: 'unknown' }, here, running('700')), false, 'in doubt it lives')
})

t.test('a process is alive until it is not', async (t) => {
  t.equal(isOwnerDead(currentOwner()), false)
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const startTime = processStartTime(child.pid!)
  t.type(startTime, 'string')
  const owner: Owner = { ...currentOwner(), pid: child.pid!, startTime: startTime! }
  t.equal(isOwnerDead(owner), false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(isOwnerDead(owner), true)
})
