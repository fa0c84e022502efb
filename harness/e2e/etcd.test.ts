import t from 'tap'
import { etcd } from '../systems/etcd.ts'
import { systemRequirement } from '../testing/requirements.ts'
import { foreignRunTimeoutMs, powerCutOfAll, resultOf, startForeign, validUnderFaults } from './foreign-system.ts'

const skip = await systemRequirement(etcd)
const timeout = foreignRunTimeoutMs + 20_000
const attemptsMax = 3

t.test('etcd: cut, paused, restarted, with a clock that jumps, and a power cut of all; valid', { skip, timeout: 2 * timeout }, (t) =>
  validUnderFaults(t, 'etcd', 'starting an etcd server'))

t.test('etcd that is told not to sync loses acknowledged writes in a power cut, and that is seen', { skip, timeout: attemptsMax * timeout }, async (t) => {
  // Where the machine lets nothing be written between the restart and the cut, there is nothing to lose.
  for (let attempt = 1; ; attempt++) {
    using cli = startForeign('etcd', powerCutOfAll, '--time-limit', '12', '--member-config', '{"unsafe-no-fsync": true}')
    const exitCode = await cli.exit(foreignRunTimeoutMs)
    if (exitCode === 0 && attempt < attemptsMax) continue
    t.equal(exitCode, 1, cli.output().slice(-3000))
    t.match(resultOf(cli, 'linearizability'), { verdict: 'invalid' })
    t.match(cli.output(), /No order of the operations explains/)
    return
  }
})
