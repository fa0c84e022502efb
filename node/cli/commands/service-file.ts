import { CommandFailure } from '../terminal.ts'
import { readFileOperand } from './data-operand.ts'

/** A service as the agent's API takes it. */
export type ServiceDefinition = Readonly<Record<string, unknown>>

/** Keys of a config file's service, without case and underscores, to the API's. */
const apiNames = new Map([
  'ID', 'Name', 'Tags', 'Address', 'Port', 'Meta', 'TaggedAddresses', 'EnableTagOverride', 'Weights', 'Check', 'Checks', 'Kind', 'Proxy', 'Connect', 'Token', 'Namespace',
].map((name) => [name.toLowerCase(), name]))
const checkNames = new Map([
  'ID', 'CheckID', 'Name', 'Notes', 'Status', 'ServiceID', 'TTL', 'HTTP', 'Method', 'Header', 'Body', 'TLSSkipVerify', 'TCP', 'Args', 'GRPC', 'GRPCUseTLS', 'AliasService',
  'AliasNode', 'DockerContainerID', 'Shell', 'Interval', 'Timeout', 'OutputMaxSize', 'SuccessBeforePassing', 'FailuresBeforeCritical', 'DeregisterCriticalServiceAfter',
].map((name) => [name.toLowerCase(), name]))

/**
 * The services of a file with Consul's configuration: `{"service": {…}}` or
 * `{"services": [{…}]}`, other keys of an agent aside. Throws CommandFailure
 * where a service has a key that means nothing.
 */
export function servicesInFile(path: string): ServiceDefinition[] {
  if (path.endsWith('.hcl')) throw new CommandFailure(`Error: failed to parse ${path}: HCL is not supported; write it as JSON, {"service": {"name": …}}`)
  const text = readFileOperand(path, `Error: config: Open failed on ${path}`).toString()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new CommandFailure(`Error: failed to parse ${path}: ${(error as Error).message}`)
  }
  if (!isObject(value)) throw new CommandFailure(`Error: failed to parse ${path}: a JSON object was expected`)
  const services: ServiceDefinition[] = []
  for (const [key, member] of Object.entries(value)) {
    const name = key.toLowerCase()
    if (name !== 'service' && name !== 'services') continue
    for (const one of Array.isArray(member) ? member : [member]) {
      if (!isObject(one)) throw new CommandFailure(`Error: failed to parse ${path}: ${key} is no object`)
      services.push(translated(one, path, name))
    }
  }
  return services
}

function translated(service: ServiceDefinition, path: string, at: string): ServiceDefinition {
  return Object.fromEntries(Object.entries(service).map(([key, value]) => {
    const name = nameOf(apiNames, key, path, at)
    const check = (one: unknown) => isObject(one) ? Object.fromEntries(Object.entries(one).map(([its, text]) => [nameOf(checkNames, its, path, `${at}.${key}`), text])) : one
    return [name, name === 'Check' ? check(value) : name === 'Checks' && Array.isArray(value) ? value.map(check) : value]
  }))
}

function nameOf(names: ReadonlyMap<string, string>, key: string, path: string, at: string): string {
  const name = names.get(key.toLowerCase().replaceAll('_', ''))
  if (name === undefined) throw new CommandFailure(`Error: failed to parse ${path}: invalid config key ${at}.${key}`)
  return name
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)
