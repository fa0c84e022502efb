import type { Deployment } from '../environments/deployment.ts'
import { consulProgram } from '../real-clients/debian-program.ts'
import { findProgram } from './program.ts'

/** In every member's config file, where the run's own says nothing else. */
const defaults = {
  // As its documentation advises for production; the default is for small test machines, and elects within some ten seconds.
  performance: { raft_multiplier: 1 },
  // All load of a run comes from one address: the limit for one client would be a limit of the run.
  limits: { http_max_conns_per_client: 0 },
  // A run's members are those that it was started with, as with our own; a new one is waited for, not for long.
  autopilot: { cleanup_dead_servers: false, server_stabilization_time: '1s' },
  connect: { enabled: false },
  disable_update_check: true,
} as const

/** Consul, as servers alone. Finds each other by gossip, so whoever comes needs nobody's leave. */
export const consulDeployment: Deployment = {
  name: 'consul',
  program: { find: () => findProgram('SPLITBRAIN_CONSUL', consulProgram), path: '/usr/local/bin/consul', versionArguments: ['version'] },
  ports: { http: 8500, raft: 8300, gossip: 8301, dns: 8600 },
  liveness: { port: 8500, target: '/v1/agent/self' },
  dataFiles: { log: 'raft/raft.db', snapshot: 'raft/snapshots/*/state.bin' },
  // Its `node-id`: after a power cut within half a minute of the first start 1.8.7 finds it empty, and does not start any more.
  leavesFirstStartUnsynced: true,
  launch: ({ name, address, founders, everyone, dataDirectory, configFile, config }) => ({
    command: [
      '/usr/local/bin/consul', 'agent', '-server', '-node', name,
      '-bootstrap-expect', String(founders.length),
      '-bind', address, '-client', '0.0.0.0',
      // A spare may join everyone; those that begin the cluster are not kept waiting by spares that do not run.
      ...(founders.some((founder) => founder.name === name) ? founders : everyone).filter((peer) => peer.address !== address).flatMap((peer) => ['-retry-join', peer.address]),
      '-retry-interval', '1s',
      '-data-dir', dataDirectory, '-config-file', configFile,
    ],
    config: JSON.stringify({ ...defaults, ...config }),
  }),
}
