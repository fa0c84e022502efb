import { isIPv4, isIPv6 } from 'node:net'
import { type CheckMethod, type CheckSpec, outputBytesMaxDefault } from '../local/definitions.ts'
import type { CheckStatus, ServiceAddress, ServiceDefinition } from '../state/catalog-types.ts'
import { DefinitionFields, type GoObject, goCheckType, goService, isCheckStatus, numbersProblem, serviceFields } from './definition-fields.ts'
import { parseJson } from './json-body.ts'

/** Bodies of `/v1/agent/service/register` and `check/register`. Throws DecodeError for what is no such body. */

export interface BadDefinition {
  readonly kind: 'bad'
  readonly status: number
  readonly problem: string
}

export interface ServiceRegistration {
  readonly kind: 'service'
  readonly service: ServiceDefinition
  readonly checks: readonly CheckSpec[]
}

export interface CheckRegistration {
  readonly kind: 'check'
  readonly spec: CheckSpec
}

const bad = (problem: string, status = 400): BadDefinition => ({ kind: 'bad', status, problem })
const msOf = (ns: number) => ns / 1e6
const second = 1000
const minute = 60_000

const everyCheckNames = [
  'Name', 'Notes', 'Status', 'ScriptArgs', 'script_args', 'Args', 'HTTP', 'Header', 'Method', 'Body', 'TLSSkipVerify', 'tls_skip_verify', 'TCP', 'Interval', 'Timeout', 'TTL',
  'GRPC', 'GRPCUseTLS', 'AliasNode', 'AliasService', 'DockerContainerID', 'docker_container_id', 'Shell', 'OutputMaxSize', 'SuccessBeforePassing', 'FailuresBeforeCritical',
  'DeregisterCriticalServiceAfter', 'deregister_critical_service_after', 'ServiceID', 'service_id',
]
/** Of a check inside of a service, and of one by itself. */
const innerCheckNames = [...everyCheckNames, 'CheckID', 'ProxyHTTP', 'ProxyGRPC']
const ownCheckNames = [...everyCheckNames, 'ID', 'Token']
const serviceNames = [
  'ID', 'Name', 'Tags', 'Address', 'Port', 'Meta', 'TaggedAddresses', 'tagged_addresses', 'EnableTagOverride', 'enable_tag_override', 'Weights', 'Check', 'Checks', 'Kind', 'Proxy', 'Connect', 'Token',
]
const goOwnCheck: GoObject = { path: '', object: `Go value of type ${goCheckType()}` }
const goOwnService: GoObject = {
  ...goService(''),
  object: 'Go value of type struct { EnableTagOverrideSnake bool "json:\\"enable_tag_override\\""; TaggedAddressesSnake map[string]structs.ServiceAddress "json:\\"tagged_addresses\\""; *structs.Alias }',
}
const goInnerCheck = (name: string): GoObject => ({ path: `.${name}`, opaque: true, fields: { CheckID: 'types.CheckID' } })

export function parseServiceRegistration(body: Uint8Array, scriptChecks: boolean): ServiceRegistration | BadDefinition {
  return readServiceRegistration(parseJson(body), scriptChecks)
}

/** `inFile`: in a config file names may be written with underscores anywhere. */
export function readServiceRegistration(value: unknown, scriptChecks: boolean, inFile = false): ServiceRegistration | BadDefinition {
  const fields = new DefinitionFields(value, goOwnService).only(serviceNames, inFile)
  const given = serviceFields(fields, fields.text('Name'))
  for (const name of ['Proxy', 'Connect']) fields.object(name)
  for (const name of ['Kind', 'Token']) fields.text(name)
  const single = fields.object('Check', goInnerCheck('Check'))
  const several = fields.objects('Checks', goCheckType('ServiceID string "json:\\"ServiceID\\""; '), goInnerCheck('Checks'))
  // In a file a check's id is called `id` everywhere.
  const names = inFile ? [...innerCheckNames, 'ID'] : innerCheckNames
  const parsed = [...single === null ? [] : [single], ...several].map((check) => parseCheck(check.only(names, inFile), scriptChecks))
  if (given.name === '') return bad('Missing service name')
  if ([given.address, ...Object.values(given.taggedAddresses ?? {}).map(({ address }) => address)].some(isAnyAddress)) return bad('Invalid service address')
  if (fields.text('Kind') !== '') return bad(`Services of kind ${JSON.stringify(fields.text('Kind'))} are not supported by this server`)
  if (given.weights.passing < 1) return bad('Invalid Weights: Passing must be greater than 0')
  if (given.weights.warning < 0) return bad('Invalid Weights: Warning must be greater or equal than 0')
  const problem = numbersProblem(given) ?? metaProblem(given)
  if (problem !== null) return bad(problem)
  const wanted: ParsedCheck[] = []
  for (const check of parsed) {
    if (check.kind === 'bad') return check
    if (check.kind === 'parsed') wanted.push(check)
  }
  const specs = wanted.map(({ spec }, i): CheckSpec => ({
    ...spec, serviceId: given.id,
    checkId: spec.checkId || (wanted.length === 1 ? `service:${given.id}` : `service:${given.id}:${i + 1}`),
    name: spec.name || `Service '${given.name}' check`,
  }))
  return { kind: 'service', service: { ...given, meta: given.meta ?? {}, taggedAddresses: withFamilies(given) }, checks: specs }
}

export function parseCheckRegistration(body: Uint8Array, scriptChecks: boolean): CheckRegistration | BadDefinition {
  return readCheckRegistration(parseJson(body), scriptChecks)
}

/** `inFile`: in a config file names may be written with underscores anywhere. */
export function readCheckRegistration(value: unknown, scriptChecks: boolean, inFile = false): CheckRegistration | BadDefinition {
  const fields = new DefinitionFields(value, goOwnCheck).only(ownCheckNames, inFile)
  if (fields.text('Name') === '') return bad('Missing check name')
  if (fields.text('Status') !== '' && !isCheckStatus(fields.text('Status'))) return bad('Bad check status')
  const parsed = parseCheck(fields, scriptChecks)
  if (parsed.kind === 'bad') return parsed
  if (parsed.kind === 'none') return bad('Invalid check: TTL must be > 0 for TTL checks')
  const { spec } = parsed
  return { kind: 'check', spec: { ...spec, checkId: spec.checkId || spec.name, serviceId: fields.text('ServiceID') } }
}

/** What timers of the process take; they want whole milliseconds. */
const timeoutMsMax = 2 ** 31 - 1

interface ParsedCheck {
  readonly kind: 'parsed'
  readonly spec: CheckSpec
}

function parseCheck(fields: DefinitionFields, scriptChecks: boolean): ParsedCheck | BadDefinition | { readonly kind: 'none' } {
  const given = fields.text('Status')
  const texts = { checkId: fields.text('CheckID') || fields.text('ID'), name: fields.text('Name'), notes: fields.text('Notes') }
  const counts = { successBeforePassing: Math.max(0, fields.integer('SuccessBeforePassing')), failuresBeforeCritical: Math.max(0, fields.integer('FailuresBeforeCritical')) }
  const removeAfterMs = msOf(fields.durationNs('DeregisterCriticalServiceAfter'))
  const outputBytesMax = fields.integer('OutputMaxSize')
  fields.text('ServiceID')
  const method = parseMethod(fields, scriptChecks)
  if (method.kind === 'bad') return method
  if (given !== '' && !isCheckStatus(given)) return bad(`Status for checks must 'passing', 'warning', 'critical'`)
  if (method.kind === 'none') return method
  const status: CheckStatus = given === '' ? 'critical' : given as CheckStatus
  if (outputBytesMax < 0) return bad('Invalid check: MaxOutputMaxSize must be positive')
  return {
    kind: 'parsed',
    spec: {
      ...texts, serviceId: '', method, initialStatus: status, ...counts,
      // Consul's lower bounds: the reaper looks twice a minute.
      deregisterCriticalAfterMs: removeAfterMs <= 0 ? null : Math.max(minute, removeAfterMs),
      outputBytesMax: outputBytesMax === 0 ? outputBytesMaxDefault : Math.min(outputBytesMax, outputBytesMaxDefault),
    },
  }
}

/** `none`: an empty object, which is no check. */
function parseMethod(fields: DefinitionFields, scriptChecks: boolean): CheckMethod | BadDefinition | { readonly kind: 'none' } {
  const [ttlMs, intervalMs, timeoutMs] = [msOf(fields.durationNs('TTL')), msOf(fields.durationNs('Interval')), msOf(fields.durationNs('Timeout'))]
  const [url, target, grpc] = [fields.text('HTTP'), fields.text('TCP'), fields.text('GRPC')]
  const grpcUseTls = fields.flag('GRPCUseTLS')
  const args = fields.has('Args') ? fields.texts('Args') : fields.texts('ScriptArgs')
  const docker = [fields.text('DockerContainerID'), fields.text('Shell')]
  const tlsSkipVerify = fields.flag('TLSSkipVerify')
  const request = { method: fields.text('Method'), headers: fields.textLists('Header'), body: fields.text('Body') }
  const [aliasNode, aliasService] = [fields.text('AliasNode'), fields.text('AliasService')]
  const repeats = url !== '' || target !== '' || grpc !== '' || args.length > 0
  const isAlias = aliasNode !== '' || aliasService !== ''
  if (fields.isEmpty) return { kind: 'none' }
  if (intervalMs > 0 && ttlMs > 0) return bad('Invalid check: Interval and TTL cannot both be specified')
  if (repeats && intervalMs <= 0) return bad('Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks')
  if (isAlias && repeats) return bad('Invalid check: Interval cannot be set for Alias checks')
  if (isAlias && ttlMs > 0) return bad('Invalid check: TTL must be not be set for Alias checks')
  if (!repeats && !isAlias && ttlMs <= 0) return bad('Invalid check: TTL must be > 0 for TTL checks')
  if (args.length > 0 && !scriptChecks) {
    return bad(`Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true`, 500)
  }
  if (docker[0] !== '') return bad('Invalid check: Docker checks are not supported by this server')
  if (isAlias) return { kind: 'alias', node: aliasNode || null, serviceId: aliasService || null }
  if (!repeats) return { kind: 'ttl', ttlMs }
  const times = (defaultTimeoutMs: number) => ({ intervalMs: Math.max(second, intervalMs), timeoutMs: timeoutMs > 0 ? Math.min(timeoutMsMax, Math.ceil(timeoutMs)) : defaultTimeoutMs })
  if (args.length > 0) return { kind: 'script', args, ...times(30 * second) }
  if (target !== '') return { kind: 'tcp', target, ...times(10 * second) }
  if (url === '') return { kind: 'grpc', target: grpc, useTls: grpcUseTls, tlsSkipVerify, ...times(10 * second) }
  return {
    kind: 'http', url, ...request, tlsSkipVerify, ...times(10 * second),
  }
}

function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === '[::]'
}

function metaProblem({ meta }: ServiceDefinition): string | null {
  const pairs = Object.entries(meta ?? {})
  if (pairs.length > 64) return 'Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs'
  for (const [key, value] of pairs) {
    const problem = key === '' ? 'Key cannot be blank' : !/^[a-zA-Z0-9_-]+$/.test(key) ? 'Key contains invalid characters'
      : key.startsWith('consul-') ? 'Key prefix \'consul-\' is reserved for internal use'
        : key.length > 128 ? 'Key is too long (limit: 128 characters)' : value.length > 512 ? 'Value is too long (limit: 512 characters)' : null
    if (problem !== null) return `Invalid Service Meta: Couldn't load metadata pair ('${key}', '${value}'): ${problem}`
  }
  return null
}

/** An IP address is entered for its family too, unless the client said another. */
function withFamilies({ address, port, taggedAddresses }: ServiceDefinition): Readonly<Record<string, ServiceAddress>> | null {
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
  if (family === null) return taggedAddresses
  return { [`lan_${family}`]: { address, port }, [`wan_${family}`]: { address, port }, ...taggedAddresses }
}
