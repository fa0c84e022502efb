import type { ApiContext } from './context.ts'
import { gossipStats, ownMember } from './members.ts'

/** `/v1/agent/self`: Stats are strings, as in Consul. */
export function agentSelf(context: ApiContext): object {
  if (context.client !== null) return clientSelf(context, context.client.knownServers())
  const status = context.status()
  const leads = status.role === 'leader'
  return {
    Config: {
      Datacenter: context.datacenter, NodeName: context.name, NodeID: context.id,
      Revision: '', Server: true, Version: context.version,
    },
    DebugConfig: { BootstrapExpect: context.bootstrapExpect, ServerMode: true },
    Coord: null,
    Member: ownMember(context),
    Stats: {
      agent: agentStats(context),
      build: { prerelease: '', revision: '', version: context.version },
      consul: {
        acl: 'disabled', bootstrap: String(context.bootstrapExpect === 1), known_datacenters: '1',
        leader: String(leads), leader_addr: context.leaderAddress() ?? '', server: 'true',
      },
      raft: {
        applied_index: String(context.appliedIndex()),
        commit_index: String(status.commitIndex),
        last_contact: lastContact(context, leads, status.lastLeaderContactMs),
        last_log_index: String(status.lastIndex),
        num_peers: String(Math.max(0, status.configuration.voters.length - 1)),
        protocol_version: '3',
        state: leads ? 'Leader' : status.role === 'follower' ? 'Follower' : 'Candidate',
        term: String(status.term),
      },
      ...gossipStats(context),
    },
    Meta: { 'consul-network-segment': '', ...context.nodeMeta },
  }
}

/** Without Raft there is nothing to say of it. */
function clientSelf(context: ApiContext, knownServers: number): object {
  const { datacenter, name, id, version, nodeMeta } = context
  return {
    Config: { Datacenter: datacenter, NodeName: name, NodeID: id, Revision: '', Server: false, Version: version },
    DebugConfig: { BootstrapExpect: 0, ServerMode: false },
    Coord: null,
    Member: ownMember(context),
    Stats: {
      agent: agentStats(context),
      build: { prerelease: '', revision: '', version },
      consul: { acl: 'disabled', known_servers: String(knownServers), server: 'false' },
      ...gossipStats(context),
    },
    Meta: { 'consul-network-segment': '', ...nodeMeta },
  }
}

function agentStats({ agent }: ApiContext): Record<string, string> {
  const checks = agent.state.checks()
  const count = (kind: string) => String(checks.filter(({ spec }) => spec.method.kind === kind).length)
  return { check_monitors: count('script'), check_ttls: count('ttl'), checks: String(checks.length), services: String(agent.state.services().length) }
}

function lastContact(context: ApiContext, leads: boolean, lastLeaderContactMs: number | null): string {
  if (leads) return '0'
  return lastLeaderContactMs === null ? 'never' : `${Math.max(0, context.scheduler.nowMs() - lastLeaderContactMs).toFixed(3)}ms`
}
