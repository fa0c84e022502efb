import { formatDurationNs } from '../base/duration-format.ts'
import type { CatalogDeregister, CatalogRegister } from '../state/catalog-commands.ts'
import type { CheckDefinition, CheckStatus, ServiceDefinition } from '../state/catalog-types.ts'
import { nodeIdProblem } from '../state/txn-catalog.ts'
import { DefinitionFields, type GoObject, goService, isCheckStatus, numbersProblem, serviceFields } from './definition-fields.ts'
import { parseJson } from './json-body.ts'

/** Bodies of `/v1/catalog/register` and `deregister`. What they refuse is said in Consul's words; what is no such body throws DecodeError. */

export interface RefusedBody {
  readonly kind: 'refused'
  readonly problem: string
}

const refuse = (problem: string): RefusedBody => ({ kind: 'refused', problem })

const goRegistration: GoObject = {
  path: 'RegisterRequest', object: 'Go value of type structs.RegisterRequest',
  fields: { ID: 'types.NodeID', Service: 'structs.NodeService', Check: 'structs.HealthCheck', Checks: 'structs.HealthChecks' },
}
const registrationNames = ['Datacenter', 'ID', 'Node', 'Address', 'TaggedAddresses', 'NodeMeta', 'Service', 'Check', 'Checks', 'SkipNodeUpdate', 'Token']
const serviceNames = [
  'Kind', 'ID', 'Service', 'Tags', 'Address', 'TaggedAddresses', 'Meta', 'Port', 'Weights', 'EnableTagOverride', 'Proxy', 'Connect', 'LocallyRegisteredAsSidecar', 'CreateIndex', 'ModifyIndex',
]
const checkNames = ['Node', 'CheckID', 'Name', 'Status', 'Notes', 'Output', 'ServiceID', 'ServiceName', 'ServiceTags', 'Type', 'Definition', 'CreateIndex', 'ModifyIndex']
const goCheck = (at: string): GoObject => ({
  path: `HealthCheck${at}`,
  fields: { CheckID: 'types.CheckID', Definition: 'struct { Interval interface {}; Timeout interface {}; DeregisterCriticalServiceAfter interface {}; TTL interface {}; *structs.Alias }' },
})

export function parseRegistration(body: Uint8Array, datacenter: string): CatalogRegister | RefusedBody {
  const fields = new DefinitionFields(parseJson(body), goRegistration).only(registrationNames)
  const [id, name, address] = [fields.text('ID'), fields.text('Node'), fields.text('Address')]
  const node = { id, name, address, taggedAddresses: fields.textMap('TaggedAddresses'), meta: fields.textMap('NodeMeta') }
  const skipNodeUpdate = fields.flag('SkipNodeUpdate')
  fields.text('Token')
  const service = parseService(fields.object('Service', goService('NodeService', '.Service')))
  const single = fields.object('Check', goCheck('.Check'))
  const checks = [...single === null ? [] : [{ fields: single, at: '.Check' }], ...fields.objects('Checks', 'structs.HealthCheck', goCheck('.Checks')).map((one) => ({ fields: one, at: '.Checks' }))]
    .map((one) => parseCheck(one.fields, one.at, name))
  if (!isHere(fields, datacenter)) return refuse('No path to datacenter')
  if (name === '') return refuse('Must provide node')
  if (address === '' && !skipNodeUpdate) return refuse('Must provide address if SkipNodeUpdate is not set')
  const idProblem = nodeIdProblem(id)
  if (idProblem !== null) return refuse(idProblem)
  if (service !== null && 'kind' in service) return service
  const good: CheckDefinition[] = []
  for (const check of checks) {
    if ('kind' in check) return check
    good.push(check)
  }
  return { kind: 'catalog-register', node, skipNodeUpdate, service, checks: good }
}

export function parseDeregistration(body: Uint8Array, datacenter: string): CatalogDeregister | RefusedBody {
  const fields = new DefinitionFields(parseJson(body), { path: '', object: 'Go value of type struct { Address string; *structs.Alias }', fields: { CheckID: 'types.CheckID' } })
    .only(['Datacenter', 'Node', 'Address', 'ServiceID', 'CheckID', 'Token'])
  const node = fields.text('Node')
  const parts = { serviceId: fields.text('ServiceID') || null, checkId: fields.text('CheckID') || null }
  fields.text('Address')
  if (!isHere(fields, datacenter)) return refuse('No path to datacenter')
  if (node === '') return refuse('Must provide node')
  return { kind: 'catalog-deregister', node, ...parts }
}

function isHere(fields: DefinitionFields, datacenter: string): boolean {
  return ['', datacenter].includes(fields.text('Datacenter'))
}

function parseService(fields: DefinitionFields | null): ServiceDefinition | RefusedBody | null {
  if (fields === null) return null
  const service = serviceFields(fields.only(serviceNames), fields.text('Service'), '.Service')
  fields.object('Proxy')
  fields.object('Connect')
  const kind = fields.text('Kind')
  if (service.name === '') return refuse('Must provide service name with ID')
  if (kind !== '') return refuse(`Services of kind ${JSON.stringify(kind)} are not supported by this server`)
  const problem = numbersProblem(service)
  return problem === null ? service : refuse(problem)
}

function parseCheck(fields: DefinitionFields, at: string, node: string): CheckDefinition | RefusedBody {
  const check = checkFields(fields.only(checkNames), at)
  const itsNode = fields.text('Node')
  if (itsNode !== '' && itsNode !== node) return refuse(`check node ${JSON.stringify(itsNode)} does not match node ${JSON.stringify(node)}`)
  if (!isCheckStatus(check.status)) return refuse(`Invalid check status: '${check.status as string}'`)
  if (check.checkId === '') return refuse(`failed inserting check: failed inserting check: object missing primary index on node ${JSON.stringify(node)}`)
  return check
}

/** A check as the catalog takes it, its status unchecked. `at`: where it stands. `longNames`: `IntervalDuration` counts beside `Interval`. */
export function checkFields(fields: DefinitionFields, at: string, longNames = false): CheckDefinition {
  const name = fields.text('Name')
  fields.text('ServiceName')
  fields.texts('ServiceTags')
  return {
    checkId: fields.text('CheckID') || name, name, status: (fields.text('Status') || 'critical') as CheckStatus,
    notes: fields.text('Notes'), output: fields.text('Output'), serviceId: fields.text('ServiceID'), type: fields.text('Type'),
    definition: parseDefinition(fields.object('Definition', { path: `HealthCheck${at}.Definition`, opaque: true }), longNames),
  }
}

/** Shown, never carried out. Durations come back as Go writes them. */
function parseDefinition(fields: DefinitionFields | null, longNames: boolean): Record<string, unknown> {
  if (fields === null) return {}
  const shown: Record<string, unknown> = {}
  for (const name of ['Interval', 'Timeout', 'DeregisterCriticalServiceAfter']) {
    const ns = fields.durationNs(name) || (longNames ? fields.durationNs(`${name}Duration`) : 0)
    if (ns !== 0) shown[name] = formatDurationNs(ns)
  }
  const text = (name: string) => { if (fields.text(name) !== '') shown[name] = fields.text(name) }
  text('HTTP')
  if (fields.flag('TLSSkipVerify')) shown['TLSSkipVerify'] = true
  if (fields.has('Header')) shown['Header'] = fields.textLists('Header')
  for (const name of ['Method', 'Body', 'TCP']) text(name)
  return shown
}
