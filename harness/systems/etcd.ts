import { z } from 'zod'
import { describeOutcome } from '../client/definiteness.ts'
import { etcdClient } from './etcd/client.ts'
import { decode, header, int64, post } from './etcd/gateway.ts'
import { etcdDeployment } from './etcd-deployment.ts'
import { etcdMembership } from './etcd-membership.ts'
import type { System } from './system.ts'

const statusTimeoutMs = 1000

/** etcd, by the JSON gateway of its v3 API. */
export const etcd: System = {
  name: 'etcd',
  deployment: etcdDeployment,
  membership: etcdMembership,
  client: etcdClient,

  async leaderSeen(request) {
    const outcome = await post(request, '/v3/maintenance/status', {}, statusTimeoutMs)
    const status = decode(outcome, statusSchema)
    if (status === null) return { none: describeOutcome(outcome) }
    return status.leader === '0' ? { none: 'knows no leader' } : { leader: status.leader }
  },

  async leadership(request) {
    const status = decode(await post(request, '/v3/maintenance/status', {}, statusTimeoutMs), statusSchema)
    return status === null ? null : { leads: status.leader === status.header.member_id, term: Number(status.header.raft_term) }
  },
}

const statusSchema = z.object({ header, leader: int64.default('0') })
