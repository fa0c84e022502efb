import { readCheckRegistration, readServiceRegistration, type ServiceRegistration } from '../api/agent-body.ts'
import { DecodeError } from '../api/json-body.ts'
import type { CheckSpec } from '../local/definitions.ts'
import type { AgentFile } from './config-file.ts'
import { UsageError } from './usage-error.ts'

/** Services and checks that config files define (Consul's documentation, "Services", "Checks"). */
export interface Definitions {
  readonly services: readonly Omit<ServiceRegistration, 'kind'>[]
  readonly checks: readonly CheckSpec[]
}

type DefiningKeys = Pick<AgentFile, 'service' | 'services' | 'check' | 'checks'>

/** Of all files, none in place of another. Throws UsageError. `scriptChecks`: whether they may run commands. */
export function readDefinitions(files: readonly DefiningKeys[], scriptChecks: boolean): Definitions {
  const services = files.flatMap(({ service, services: more = [] }) => [...given(service), ...more]).map((value) => {
    const { service, checks } = read('service', value, () => readServiceRegistration(value, scriptChecks, true))
    return { service, checks }
  })
  const checks = files.flatMap(({ check, checks: more = [] }) => [...given(check), ...more])
    .map((value) => read('check', value, () => readCheckRegistration(value, scriptChecks, true)).spec)
  refuseTwice('service', services.map(({ service }) => service.id))
  refuseTwice('check', [...services.flatMap((one) => one.checks), ...checks].map(({ checkId }) => checkId))
  return { services, checks }
}

const given = (value: unknown): unknown[] => value === undefined || value === null ? [] : [value]

function read<T extends { readonly kind: string }>(what: string, value: unknown, parse: () => T | { readonly kind: 'bad', readonly problem: string }): Exclude<T, { kind: 'bad' }> {
  let parsed: T | { readonly kind: 'bad', readonly problem: string }
  try {
    parsed = parse()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    parsed = { kind: 'bad', problem: error.message }
  }
  if (parsed.kind === 'bad') throw new UsageError(`The definition of a ${what}, ${JSON.stringify(value)}, is refused: ${(parsed as { readonly problem: string }).problem}.`)
  return parsed as Exclude<T, { kind: 'bad' }>
}

function refuseTwice(what: string, ids: readonly string[]): void {
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw new UsageError(`Two definitions are of the ${what} ${JSON.stringify(twice)}: give each an id of its own.`)
}
