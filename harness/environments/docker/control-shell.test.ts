import { randomBytes } from 'node:crypto'
import t from 'tap'
import { dockerRequirement } from '../../testing/requirements.ts'
import { ControlShell, ScriptError } from './control-shell.ts'
import { connectEngine, type Engine } from './engine.ts'
import { ensureMemberImage } from './image/member-image.ts'
import { ownerLabels } from '../owner.ts'
import { removeRun } from './reap.ts'

t.setTimeout(300_000)
const skip = await dockerRequirement()

async function startIdleContainer(engine: Engine, runId: string): Promise<string> {
  const image = await ensureMemberImage(engine, (line) => t.comment(line))
  const container = await engine.docker.createContainer({ Image: image, Labels: ownerLabels(runId), Cmd: ['sleep', 'infinity'] })
  await container.start()
  return container.id
}

t.test('a shell in a container', { skip }, async (t) => {
  const engine = await connectEngine()
  const runId = `test-${randomBytes(4).toString('hex')}`
  t.teardown(() => removeRun(engine, runId))
  const shell = new ControlShell(engine, await startIdleContainer(engine, runId))
  t.teardown(() => shell.close())

  t.equal(await shell.run('echo one; echo two >&2'), 'one\ntwo\n')
  const numbers = Array.from({ length: 20 }, (_, i) => `${i}\n`)
  t.same(await Promise.all(numbers.map((number) => shell.run(`printf %s '${number}'`))), numbers, 'answers are not mixed up')
  t.equal((await shell.run('head -c 300000 /dev/zero | tr "\\\\0" x')).length, 300_000)
  t.equal(await shell.run('cat'), '', 'a program finds no input, least of all the next script')

  await t.rejects(shell.run('echo reason; false'), new ScriptError('status 1: reason'))
  t.equal(await shell.run('echo still here'), 'still here\n')

  await t.rejects(shell.run('kill -9 $$'), { message: /is gone/ })
  t.equal(await shell.run('echo a new one'), 'a new one\n')

  await t.rejects(shell.run('sleep 60', 300), { message: /No answer within 0\.3 s/ })
  t.equal(await shell.run('echo and another'), 'and another\n')

  shell.close()
  await t.rejects(shell.run('true'), { message: /disposed/ })
})
