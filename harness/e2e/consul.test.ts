import t from 'tap'
import { consul } from '../systems/consul.ts'
import { systemRequirement } from '../testing/requirements.ts'
import { foreignRunTimeoutMs, resultOf, startForeign, validUnderFaults } from './foreign-system.ts'

const skip = await systemRequirement(consul)
const timeout = foreignRunTimeoutMs + 20_000

t.test('Consul: cut, paused, restarted, with a clock that jumps, and a power cut of all; valid', { skip, timeout: 2 * timeout }, (t) =>
  validUnderFaults(t, 'consul', 'Consul agent running'))

t.test('Consul\'s stale reads are old, which they may be, and that is seen and measured', { skip, timeout }, async (t) => {
  using cli = startForeign('consul', [{ at: 1, for: 6, fault: 'partition', target: 'isolate-one' }], '--time-limit', '9', '--consistency', 'stale')
  t.equal(await cli.exit(foreignRunTimeoutMs), 0, cli.output().slice(-3000))
  t.match(resultOf(cli, 'consistency-modes'), { verdict: 'valid', summary: /not to hold: linearizable.*[1-9]\d* of \d+ reads were certainly old, by up to [1-9]/ })
})
