import type { AskableMember, Deployment, Launch, LaunchedMember } from '../environments/deployment.ts'
import { etcdProgram } from '../real-clients/debian-program.ts'
import { addEtcdMember, etcdMembers, removeEtcdMember } from './etcd-membership.ts'
import { findProgram } from './program.ts'

const clientPort = 2379
const peerPort = 2380
/** The others take a new member only once they have all been connected for five seconds. */
const admitTimeoutMs = 25_000
const admitPauseMs = 300

export const etcdPeerUrl = (address: string) => `http://${address}:${peerPort}`

/**
 * etcd: a static cluster, which knows its members by the addresses that it was
 * started with. Its clients' port is silent until the member has heard of a
 * leader, so whether one lives is asked at the port for its peers.
 */
export const etcdDeployment: Deployment = {
  name: 'etcd',
  program: { find: () => findProgram('SPLITBRAIN_ETCD', etcdProgram), path: '/usr/local/bin/etcd', versionArguments: ['--version'] },
  ports: { http: clientPort, raft: peerPort, gossip: null, dns: null },
  liveness: { port: peerPort, target: '/version' },
  dataFiles: { log: 'member/wal/*.wal', snapshot: 'member/snap/db' },
  launch: (member) => launch(member, 'new', member.founders),

  async admit(member, others) {
    const peerUrls = await letIn(member, others)
    return launch(member, 'existing', member.everyone.filter(({ address }) => peerUrls.includes(etcdPeerUrl(address))))
  },
}

/** Everything stands in the file: etcd reads no flag beside one. */
function launch({ name, address, dataDirectory, configFile, config }: LaunchedMember, state: 'new' | 'existing', cluster: LaunchedMember['founders']): Launch {
  return {
    command: ['/usr/local/bin/etcd', '--config-file', configFile],
    config: JSON.stringify({
      name,
      'data-dir': dataDirectory,
      'listen-peer-urls': etcdPeerUrl(address),
      'initial-advertise-peer-urls': etcdPeerUrl(address),
      'listen-client-urls': `http://0.0.0.0:${clientPort}`,
      'advertise-client-urls': `http://${address}:${clientPort}`,
      'initial-cluster': cluster.map((one) => `${one.name}=${etcdPeerUrl(one.address)}`).join(','),
      'initial-cluster-state': state,
      'initial-cluster-token': 'splitbrain',
      'enable-grpc-gateway': true,
      logger: 'zap',
      ...config,
    }),
  }
}

/**
 * Takes the member's old self out of the configuration, if it is there, and adds it as a new one: under its old id, with
 * an empty disk, it could vote twice. @returns the peer URLs of all members then
 */
async function letIn({ name, address }: LaunchedMember, others: readonly AskableMember[]): Promise<readonly string[]> {
  const url = etcdPeerUrl(address)
  const endMs = performance.now() + admitTimeoutMs
  let why = 'no member runs that could be asked'
  for (;;) {
    for (const other of others) {
      const request: AskableMember['request'] = (what, timeoutMs) => other.request(what, timeoutMs)
      const members = await etcdMembers(request)
      if (members === null) continue
      const old = members.find(({ peerUrls }) => peerUrls.includes(url))
      const removed = old === undefined ? { done: true } as const : await removeEtcdMember(request, old.id)
      const added = removed.done ? await addEtcdMember(request, url) : removed
      if (added.done) return [...members.filter((one) => one !== old).flatMap(({ peerUrls }) => peerUrls), url]
      why = `${other.name}: ${added.why}`
    }
    if (performance.now() >= endMs) throw new Error(`${name} cannot be let into the cluster: ${why}`)
    await new Promise((resolve) => setTimeout(resolve, admitPauseMs))
  }
}
