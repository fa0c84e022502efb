import t from 'tap'
import { defaultRaftConfig, leaderLostHoldMs, resolveRaftConfig } from './config.ts'

t.test('the defaults hold their own relations', async (t) => {
  t.same(resolveRaftConfig(), defaultRaftConfig)
  t.ok(leaderLostHoldMs(defaultRaftConfig) > defaultRaftConfig.leaseMs, 'nobody votes while a lease may hold')
  t.ok(leaderLostHoldMs(defaultRaftConfig) <= defaultRaftConfig.electionTimeoutMs)
})

t.test('relations that would break a promise are refused with a sentence', async (t) => {
  t.throws(() => resolveRaftConfig({ leaseMs: 350 }), /leaseMs 350 is more than three quarters of electionTimeoutMs 400/)
  t.throws(() => resolveRaftConfig({ heartbeatIntervalMs: 250 }), /more than half of electionTimeoutMs/)
  t.throws(() => resolveRaftConfig({ appendEntriesMax: 0 }), /appendEntriesMax is 0: give a number above 0/)
  t.throws(() => resolveRaftConfig({ inflightAppendsMax: 1.5 }), /whole number/)
  t.throws(() => resolveRaftConfig({ electionTimeoutMs: Number.NaN }), /electionTimeoutMs is NaN/)
})
