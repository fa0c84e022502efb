import { families } from '../../nemesis/index.ts'
import type { Nemesis } from '../../nemesis/nemesis.ts'
import { partitionShapes } from '../../nemesis/targets.ts'
import { standIn } from '../environments/carried-faults.ts'
import type { EnvironmentKind } from '../environments/environment.ts'
import { resolvePlan } from '../plan/resolve-plan.ts'
import { consul } from '../systems/consul.ts'
import { etcd } from '../systems/etcd.ts'
import { registry } from '../systems/registry.ts'
import type { System } from '../systems/system.ts'

/** Where the table stands in the README. */
export const tableBegin = '<!-- faults: written by `npm run document`, checked by a test -->'
export const tableEnd = '<!-- /faults -->'

/** Where this project's registry is tested, and other systems. */
const columns: readonly { readonly title: string, readonly kind: EnvironmentKind, readonly system: System }[] = [
  ...(['simulated', 'local', 'docker'] as const).map((kind) => ({ title: kind, kind, system: registry })),
  { title: 'Consul', kind: 'docker', system: consul },
  { title: 'etcd', kind: 'docker', system: etcd },
]

/** A Markdown table: each family, what it does, and what of it each environment and system carries, by asking the families themselves. */
export function faultTable(): string {
  const rows = families.map((family) => `| \`${family.name}\` | ${family.about.replaceAll('|', '\\|')} | ${columns.map(({ kind, system }) => cell(family, kind, system)).join(' | ')} |`)
  return [`| \`--nemesis\` | what is broken | ${columns.map(({ title }) => title).join(' | ')} |`, `|---|---|${columns.map(() => '---|').join('')}`, ...rows].join('\n')
}

/** The README with the table as it is now. Throws where the places for it are gone. */
export function withFaultTable(readme: string): string {
  const begin = readme.indexOf(tableBegin)
  const end = readme.indexOf(tableEnd)
  if (begin < 0 || end < begin) throw new Error(`the README has no place for the table of faults, between ${tableBegin} and ${tableEnd}`)
  return `${readme.slice(0, begin + tableBegin.length)}\n${faultTable()}\n${readme.slice(end)}`
}

/** `yes`, `no`, or what is lacking. */
function cell(family: Nemesis, kind: EnvironmentKind, system: System): string {
  const environment = standIn(kind, system.deployment)
  const plan = resolvePlan({ nemesis: ['all'] }, {
    env: kind, drawSeed: () => 1, workloads: ['register'], nemeses: families.map(({ name }) => name), partitionTargets: partitionShapes,
  })
  if (family.missing(environment, plan, system) !== null) return 'no'
  const variants = family.variants?.(environment) ?? []
  const lacking = variants.filter(({ missing }) => missing !== null)
  if (lacking.length === 0) return 'yes'
  return `yes, not ${lacking.map((variant) => variant.kind).join(', ')}`
}
