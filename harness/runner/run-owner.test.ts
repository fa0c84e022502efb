import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { currentOwner } from '../environments/owner.ts'
import { isStillGoing, planOwner } from './run-owner.ts'

t.test('a run is going on while whoever makes it lives and there is no verdict', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-owner-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const plan = (value: unknown) => writeFileSync(join(directory, 'plan.json'), JSON.stringify(value))
  t.notOk(isStillGoing(directory), 'no plan')
  plan({ workload: 'register' })
  t.notOk(isStillGoing(directory), 'a plan of before there were owners')
  plan({ owner: planOwner() })
  t.ok(isStillGoing(directory))
  plan({ owner: { ...planOwner(), startTime: 'long ago' } })
  t.notOk(isStillGoing(directory), 'killed: its number is another process now')
  plan({ owner: planOwner({ ...currentOwner(), host: 'another machine', startTime: 'long ago' }) })
  t.ok(isStillGoing(directory), 'nobody can see from here whether it lives')
  plan({ owner: planOwner() })
  writeFileSync(join(directory, 'verdict.json'), '{}')
  t.notOk(isStillGoing(directory))
  const { host } = currentOwner()
  t.notMatch(JSON.stringify(planOwner()), host)
})
