import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { resolveAgentConfig } from './agent-config.ts'
import { parseAgentFlags, type AgentFlags } from './flags.ts'

const flags = (...args: string[]) => parseAgentFlags(args) as AgentFlags
const resolve = (...args: string[]) => resolveAgentConfig(flags('-server', '-node', 'n1', '-data-dir', '/d', ...args))

t.test('Consul\'s ways to write a flag are the same', async (t) => {
  const wanted = flags('-node', 'n1', '-bootstrap-expect', '3', '-retry-join', 'a', '-retry-join', 'b')
  t.same(flags('-node=n1', '-bootstrap-expect=3', '-retry-join=a', '-retry-join=b'), wanted)
  t.same(flags('--node', 'n1', '--bootstrap-expect', '3', '--retry-join', 'a', '--retry-join', 'b'), wanted)
})

t.test('defaults and derived addresses', async (t) => {
  t.match(resolve('-bind', '10.0.0.1', '-retry-join', '10.0.0.2', '-retry-join', '10.0.0.3:9301'), {
    bindHost: '10.0.0.1', advertise: '10.0.0.1:8300', clientHost: '127.0.0.1', httpPort: 8500, datacenter: 'dc1',
    retryJoin: [], gossip: { port: 8301, advertise: '10.0.0.1:8301', retryJoin: ['10.0.0.2:8301', '10.0.0.3:9301'] }, rpcHoldTimeoutMs: 7000, bootstrapExpect: 0,
  })
})

t.test('-retry-join has gossip addresses, and servers are found through it; without gossip it has theirs', async (t) => {
  t.match(resolve('-retry-join', 'a', '-retry-join', 'b:1', '-serf-lan-port', '-1'), { gossip: null, retryJoin: ['a:8300', 'b:1'] })
  t.match(resolve('-retry-join', 'a', '-serf-lan-port=-1'), { gossip: null, retryJoin: ['a:8300'] })
  const config = resolve('-bind', '10.0.0.1', '-serf-lan-port', '9301', '-retry-join', 'a', '-retry-join', 'b:1', '-retry-interval', '2s')
  t.same(config.retryJoin, [])
  t.match(config.gossip, { port: 9301, advertise: '10.0.0.1:9301', retryJoin: ['a:8301', 'b:1'], retryJoinIntervalMs: 2000, config: { probeIntervalMs: 1000 } })
})

t.test('gossip_lan changes how fast gossip is, if it fits together', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-config-'))
  t.teardown(() => process.getBuiltinModule('node:fs').rmSync(directory, { recursive: true }))
  const file = (gossip_lan: object) => {
    const path = join(directory, 'c.json')
    writeFileSync(path, JSON.stringify({ ports: { serf_lan: 8301 }, gossip_lan }))
    return path
  }
  t.match(resolve('-config-file', file({ probe_interval: '200ms', probe_timeout: '100ms', suspicion_mult: 3 })).gossip?.config, { probeIntervalMs: 200, probeTimeoutMs: 100, suspicionMult: 3, gossipNodes: 3 })
  t.throws(() => resolve('-config-file', file({ probe_interval: '200ms' })), { message: /gossip_lan.*probe_timeout \(500\) must be below probe_interval \(200\)/ })
})

t.test('DNS: its usual port unless told otherwise, none at -1; scripts only where allowed', async (t) => {
  t.strictSame(resolve().dns, { port: 8600, given: false, domain: 'consul', onlyPassing: false, markTruncated: false })
  t.match(resolve('-dns-port', '53', '-domain', 'Example.').dns, { port: 53, given: true, domain: 'example' })
  t.equal(resolve('-dns-port', '-1').dns, 'off')
  t.equal(resolve().scriptChecks, false)
  t.equal(resolve('-enable-script-checks').scriptChecks, true)
})

t.test('flags win over files, later files over earlier ones', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-config-'))
  t.teardown(() => process.getBuiltinModule('node:fs').rmSync(directory, { recursive: true }))
  const one = join(directory, '1.json')
  const two = join(directory, '2.json')
  writeFileSync(one, JSON.stringify({ ports: { http: 1, server: 2 }, datacenter: 'one', raft: { election_timeout_ms: 800, snapshot_bytes: 1000 }, raft_snapshot_threshold: 50, raft_trailing_logs: 7 }))
  writeFileSync(two, JSON.stringify({ ports: { http: 3 }, datacenter: 'two', dial_map: { 'a:1': 'b:2' }, performance: { rpc_hold_timeout: '500ms' } }))
  const config = resolve('-config-dir', directory, '-datacenter', 'flag')
  t.match(config, { httpPort: 3, serverPort: 2, datacenter: 'flag', dialMap: { 'a:1': 'b:2' }, rpcHoldTimeoutMs: 500 })
  t.match(config.raft, { snapshotEntries: 50, trailingEntries: 7, snapshotBytes: 1000, snapshotChunkBytes: 262_144 })
  t.equal(config.raft.electionTimeoutMs, 800)
  t.ok(config.raft.leaseMs < 800 && config.raft.heartbeatIntervalMs <= 400, 'what is not given keeps its proportion')
})

t.test('what is wrong is said in a sentence that names it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'splitbrain-config-'))
  t.teardown(() => process.getBuiltinModule('node:fs').rmSync(directory, { recursive: true }))
  const file = (text: string) => {
    const path = join(directory, `${text.length}.json`)
    writeFileSync(path, text)
    return path
  }
  for (const [args, says] of [
    [['-frobnicate'], /--frobnicate/],
    [['-bootstrap-expect', 'three'], /bootstrap-expect.*whole number/],
    [['-node', 'a b'], /"a b" is no usable name/],
    [['-http-port', '70000'], /-http-port 70000/],
    [['-dns-port', '70000'], /-dns-port 70000/],
    [['-dns-port', '-2'], /dns-port.*whole number/],
    [['-log-level', 'loud'], /loud.*trace, debug/],
    [['-bind', '0.0.0.0'], /-advertise/],
    [['-retry-join', 'a:b:c'], /-retry-join a:b:c/],
    [['-config-file', '/nonexistent.json'], /nonexistent/],
    [['-config-file', file('{"a":')], /JSON/],
    [['-config-file', file('{"frob": 1}')], /frob/],
    [['-config-file', file('{"ports": {"http": "x"}}')], /ports\.http/],
    [['-config-file', file('{"raft": {"lease_ms": 9000}}')], /lease_ms 9000/],
    [['-config-file', file('{"raft": {"lease_ms": 350, "election_timeout_ms": 400}}')], /lease_ms 350 .*election_timeout_ms 400/],
    [['-config-file', file('{"performance": {"rpc_hold_timeout": "soon"}}')], /"soon" is no duration/],
  ] as const) {
    t.throws(() => resolve(...args), { name: 'UsageError', message: says }, args.join(' '))
  }
  const client = (...args: string[]) => resolveAgentConfig(flags('-node', 'n1', '-data-dir', '/d', ...args))
  t.throws(() => client('-serf-lan-port', '-1'), { message: /gossip/ })
  t.throws(() => client('-bootstrap-expect', '3'), { message: /-server/ })
  t.throws(() => resolveAgentConfig(flags('-server', '-node', 'n1')), { message: /-data-dir/ })
})

t.test('client agents leave when they are stopped, servers do not, unless a file says otherwise', async (t) => {
  const agent = (...args: string[]) => resolveAgentConfig(flags('-node', 'n1', '-data-dir', '/d', ...args))
  t.match(agent(), { isServer: false, leaveOn: { SIGINT: true, SIGTERM: true }, gossip: { rejoinAfterLeave: false } })
  t.match(agent('-server', '-rejoin'), { isServer: true, leaveOn: { SIGINT: false, SIGTERM: false }, gossip: { rejoinAfterLeave: true } })
  const file = join(t.testdir(), 'leave.json')
  writeFileSync(file, JSON.stringify({ leave_on_terminate: true, skip_leave_on_interrupt: false, rejoin_after_leave: true }))
  t.match(agent('-server', '-config-file', file), { leaveOn: { SIGINT: true, SIGTERM: true }, gossip: { rejoinAfterLeave: true } })
  writeFileSync(file, JSON.stringify({ leave_on_terminate: false, skip_leave_on_interrupt: true }))
  t.match(agent('-config-file', file), { leaveOn: { SIGINT: false, SIGTERM: false } })
})

t.test('metadata of a node: flags over files; what Consul refuses is refused in its words', async (t) => {
  const file = join(t.testdir(), 'meta.json')
  writeFileSync(file, JSON.stringify({ node_meta: { rack: '1', zone: 'a' } }))
  t.same(resolve('-config-file', file, '-node-meta', 'rack:7', '-node-meta', 'url:http://x', '-node-meta', 'bare').nodeMeta, { rack: '7', zone: 'a', url: 'http://x', bare: '' })
  t.throws(() => resolve('-node-meta', 'consul-x:1'), { message: /'consul-x', '1'\): Key prefix 'consul-' is reserved/ })
  t.throws(() => resolve('-node-meta', ':1'), { message: /Key cannot be blank/ })
  t.throws(() => resolve('-node-meta', 'a b:1'), { message: /invalid characters/ })
  t.throws(() => resolve('-node-meta', `a:${'x'.repeat(513)}`), { message: /Value is too long/ })
  t.throws(() => resolve(...Array.from({ length: 65 }, (_, i) => ['-node-meta', `k${i}:v`]).flat()), { message: /more than 64/ })
})

t.test('limits: Consul\'s defaults, its keys, 0 connections for none, and a sentence for what does not fit', async (t) => {
  const file = (limits: object) => {
    const path = join(t.testdir({}), 'limits.json')
    writeFileSync(path, JSON.stringify({ limits }))
    return resolve('-config-file', path)
  }
  t.match(resolve(), { limits: { kvValueBytesMax: 524_288, txnBodyBytesMax: 524_288, connectionsPerClientMax: 200 }, serverConnectionsPerClientMax: 100 })
  t.match(file({ kv_max_value_size: 10, txn_max_req_len: 1000, http_max_conns_per_client: 3, rpc_max_conns_per_client: 7 }),
    { limits: { kvValueBytesMax: 10, txnBodyBytesMax: 1000, connectionsPerClientMax: 3 }, serverConnectionsPerClientMax: 7 })
  t.match(file({ http_max_conns_per_client: 0, rpc_max_conns_per_client: 0 }), { limits: { connectionsPerClientMax: Infinity }, serverConnectionsPerClientMax: Infinity })
  t.throws(() => file({ kv_max_value_size: 1e9 }), { message: /limits\.kv_max_value_size is 1000000000, but at most 16777216/ })
  t.throws(() => file({ rpc_rate: 5 }), { message: /limits\.rpc_rate is an option of Consul that this member does not have/ })
  t.throws(() => file({ http_max_cons: 5 }), { message: /invalid config key limits\.http_max_cons/ })
  t.throws(() => file({ http_max_conns_per_client: -1 }), { message: /http_max_conns_per_client/ })
})
