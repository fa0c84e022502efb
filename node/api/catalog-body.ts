import { formatDurationNs } from '../base/duration-format.ts'
import type { CatalogDeregister, CatalogRegister } from '../state/catalog-commands.ts'
import type { CheckDefinition, ServiceDefinition } from '../state/catalog-types.ts'
import { DefinitionFields, isCheckStatus, numbersProblem, serviceFields } from './definition-fields.ts'
import { parseJson } from './json-body.ts'

/** Bodies of `/v1/catalog/register` and `deregister`. What they refuse is said in Consul's words; what is no such body throws DecodeError. */

export interface RefusedBody {
  readonly kind: 'refused'
  readonly problem: string
}

const refuse = (problem: string): RefusedBody => ({ kind: 'refused', problem })
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function parseRegistration(body: Uint8Array, datacenter: string): CatalogRegister | RefusedBody {
  const fields = new DefinitionFields(parseJson(body))
  const [id, name, address] = [fields.text('ID'), fields.text('Node'), fields.text('Address')]
  const skipNodeUpdate = fields.flag('SkipNodeUpdate')
  const service = parseService(fields.object('Service'))
  const single = fields.object('Check')
  const checks = [...single === null ? [] : [single], ...fields.objects('Checks')].map(parseCheck)
  if (!isHere(fields, datacenter)) return refuse('No path to datacenter')
  if (name === '') return refuse('Must provide node')
  if (address === '' && !skipNodeUpdate) return refuse('Must provide address if SkipNodeUpdate is not set')
  const idProblem = nodeIdProblem(id)
  if (idProblem !== null) return refuse(`Bad node ID: ${idProblem}`)
  if (service !== null && 'kind' in service) return service
  const good: CheckDefinition[] = []
  for (const check of checks) {
    if ('kind' in check) return check
    good.push(check)
  }
  const node = { id, name, address, taggedAddresses: fields.textMap('TaggedAddresses'), meta: fields.textMap('NodeMeta') }
  return { kind: 'catalog-register', node, skipNodeUpdate, service, checks: good }
}

export function parseDeregistration(body: Uint8Array, datacenter: string): CatalogDeregister | RefusedBody {
  const fields = new DefinitionFields(parseJson(body))
  const node = fields.text('Node')
  if (!isHere(fields, datacenter)) return refuse('No path to datacenter')
  if (node === '') return refuse('Must provide node')
  return { kind: 'catalog-deregister', node, serviceId: fields.text('ServiceID') || null, checkId: fields.text('CheckID') || null }
}

function isHere(fields: DefinitionFields, datacenter: string): boolean {
  return ['', datacenter].includes(fields.text('Datacenter'))
}

function nodeIdProblem(id: string): string | null {
  if (id === '' || uuid.test(id)) return null
  return id.length === 36 ? 'uuid is improperly formatted' : 'uuid string is wrong length'
}

function parseService(fields: DefinitionFields | null): ServiceDefinition | RefusedBody | null {
  if (fields === null) return null
  const service = serviceFields(fields, fields.text('Service'))
  if (service.name === '') return refuse('Must provide service name with ID')
  const problem = numbersProblem(service)
  return problem === null ? service : refuse(problem)
}

function parseCheck(fields: DefinitionFields): CheckDefinition | RefusedBody {
  const name = fields.text('Name')
  const status = fields.text('Status') || 'critical'
  if (!isCheckStatus(status)) return refuse(`Invalid check status: '${status}'`)
  const checkId = fields.text('CheckID') || name
  if (checkId === '') return refuse('Must provide check name or ID')
  return {
    checkId, name, status, notes: fields.text('Notes'), output: fields.text('Output'), serviceId: fields.text('ServiceID'),
    type: fields.text('Type'), definition: parseDefinition(fields.object('Definition')),
  }
}

/** Shown, never carried out. Durations come back as Go writes them. */
function parseDefinition(fields: DefinitionFields | null): Record<string, unknown> {
  if (fields === null) return {}
  const shown: Record<string, unknown> = {}
  for (const name of ['Interval', 'Timeout', 'DeregisterCriticalServiceAfter']) {
    const ns = fields.durationNs(name)
    if (ns !== 0) shown[name] = formatDurationNs(ns)
  }
  for (const name of ['HTTP', 'Method', 'Body', 'TCP']) if (fields.text(name) !== '') shown[name] = fields.text(name)
  if (fields.has('Header')) shown['Header'] = fields.textLists('Header')
  if (fields.flag('TLSSkipVerify')) shown['TLSSkipVerify'] = true
  return shown
}
