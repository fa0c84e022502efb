import type { CatalogReader } from '../state/catalog.ts'
import type { CheckStatus } from '../state/catalog-types.ts'
import type { CheckResult, CheckSpec } from './definitions.ts'
import type { LocalState } from './local-state.ts'

interface SeenCheck {
  readonly name: string
  readonly status: CheckStatus
  readonly serviceId: string
}

/**
 * The health of what an alias check stands for: of its own agent as that knows
 * it, of other nodes as the catalog has them. The first critical check decides,
 * then the first warning. A check of the whole node counts for a service too.
 */
export function aliasHealth({ checkId, method }: CheckSpec, local: LocalState, catalog: CatalogReader, selfName: string): CheckResult {
  if (method.kind !== 'alias') return { status: 'critical', output: `check ${checkId} is no alias` }
  const { serviceId } = method
  const isLocal = method.node === null || method.node.toLowerCase() === selfName.toLowerCase()
  const node = method.node ?? selfName
  const known = isLocal
    ? serviceId === null || local.service(serviceId) !== null
    : catalog.node(node).value?.services.some(({ id }) => serviceId === null || id === serviceId) ?? false
  if (!known && serviceId !== null) return { status: 'critical', output: `Service ${serviceId} could not be found on node ${node}` }
  const all: SeenCheck[] = isLocal
    // An alias of its own node must not see itself, else it could never recover.
    ? local.checks().filter(({ spec }) => spec.checkId !== checkId).map(({ spec, status }) => ({ name: spec.name, status, serviceId: spec.serviceId }))
    : catalog.nodeChecks(node).value.map(({ name, status, serviceId }) => ({ name, status, serviceId }))
  const seen = all.filter((check) => check.serviceId === '' || check.serviceId === serviceId)
  const bad = seen.find(({ status }) => status === 'critical') ?? seen.find(({ status }) => status === 'warning')
  if (bad !== undefined) return { status: bad.status, output: `Aliased check ${JSON.stringify(bad.name)} failing: ${bad.status}` }
  return { status: 'passing', output: seen.length === 0 ? 'No checks found.' : 'All checks passing.' }
}
