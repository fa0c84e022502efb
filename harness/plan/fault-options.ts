import { FirewallRuleError, parseFirewallRules, rulesObjection } from '../../nemesis/firewall-rule.ts'
import { trafficNames } from '../../nemesis/links.ts'
import { isMemberTarget, memberTargets } from '../../nemesis/member-targets.ts'
import { faultsAtOnceOfMany, planDefaults } from './defaults.ts'
import type { PlanOptions } from './options.ts'
import type { PlannedTraffic, RunPlan } from './plan.ts'
import type { PlanSurroundings } from './resolve-plan.ts'
import { UsageError } from './usage-error.ts'

type FaultFields = Pick<RunPlan,
  'nemesis' | 'nemesisAll' | 'partitionTargets' | 'memberTargets' | 'traffics' | 'firewall' | 'schedule' | 'intensity' | 'faultsAtOnce' | 'faultScript'>

/** The part of a plan that says what is broken, and how. Throws UsageError. */
export function resolveFaults(options: PlanOptions, memberCount: number, surroundings: PlanSurroundings): FaultFields {
  const { nemesis, nemesisAll } = resolveNemesis(options, memberCount, surroundings)
  const names = memberNames(memberCount)
  return {
    nemesis, nemesisAll,
    ...resolveTargets(options, names, nemesis, surroundings),
    traffics: resolveTraffics(options, nemesisAll),
    firewall: resolveFirewall(options, names),
    schedule: options.schedule ?? planDefaults.schedule,
    intensity: resolveIntensity(options.intensity ?? planDefaults.intensity),
    faultsAtOnce: options.atOnce ?? defaultFaultsAtOnce(nemesis.length),
    faultScript: surroundings.faultScript ?? null,
  }
}

/** As every environment names them. */
export const memberNames = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `n${i + 1}`)

/** A few families may all be on at once; of many, so many. */
export const defaultFaultsAtOnce = (families: number): number => families <= faultsAtOnceOfMany ? Math.max(1, families) : faultsAtOnceOfMany

/** `0.5`, or a ramp `0.1..1`. */
export function resolveIntensity(asked: string | number): RunPlan['intensity'] {
  const match = /^(\d*\.?\d+)(?:\.\.(\d*\.?\d+))?$/.exec(String(asked).trim())
  const from = Number(match?.[1])
  const to = Number(match?.[2] ?? match?.[1])
  if (match === null || from > 1 || to > 1) throw new UsageError(`--intensity ${asked}: give a number from 0 to 1, or a ramp as 0.1..1.`)
  return { from, to }
}

export const formatIntensity = ({ from, to }: RunPlan['intensity']): string => from === to ? String(from) : `${from}..${to}`

export function requireKnown(flag: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (!known.includes(name)) throw new UsageError(`${flag} ${name}: there is no such thing; there are ${known.join(', ')}.`)
  }
}

function resolveNemesis(options: PlanOptions, members: number, surroundings: PlanSurroundings): Pick<RunPlan, 'nemesis' | 'nemesisAll'> {
  const asked = options.nemesis ?? defaultNemesis(options, members)
  const nemesis = asked.filter((name) => name !== 'none')
  if (nemesis.length < asked.length && nemesis.length > 0) {
    throw new UsageError(`--nemesis ${asked.join(',')}: "none" stands alone.`)
  }
  if (nemesis.includes('all')) {
    if (nemesis.length > 1) throw new UsageError(`--nemesis ${asked.join(',')}: "all" stands alone.`)
    return { nemesis: surroundings.nemeses, nemesisAll: true }
  }
  requireKnown('--nemesis', nemesis, [...surroundings.nemeses, 'all', 'none'])
  if (new Set(nemesis).size < nemesis.length) throw new UsageError(`--nemesis ${nemesis.join(',')}: each name once.`)
  if (options.firewall !== undefined && !nemesis.includes('firewall')) {
    throw new UsageError('--firewall gives rules, and nobody applies them: add --nemesis firewall.')
  }
  return { nemesis, nemesisAll: false }
}

/** Defaults must fit whatever else was said: rules or a script stand for themselves, one member alone has no link to cut. */
function defaultNemesis(options: PlanOptions, members: number): readonly string[] {
  if (options.firewall !== undefined) return ['firewall']
  return options.faults !== undefined || members === 1 ? [] : planDefaults.nemesis
}

function resolveTargets(options: PlanOptions, members: readonly string[], nemesis: readonly string[], surroundings: PlanSurroundings): Pick<RunPlan, 'partitionTargets' | 'memberTargets'> {
  const shapes = surroundings.partitionTargets
  const fitting = shapes.filter((shape) => members.length >= shape.membersMin).map((shape) => shape.name)
  const partitions = nemesis.includes('partition')
  if (options.targets === undefined) return { partitionTargets: partitions ? fitting : [], memberTargets: [] }
  const choice = [...fitting, ...memberTargets.map(({ name }) => name), 'members by name as n1+n3']
  if (options.targets.length === 0) throw new UsageError(`--targets is empty; there are ${choice.join(', ')}.`)
  const targets = [...new Set(options.targets)]
  const asShapes = targets.filter((target) => shapes.some((shape) => shape.name === target))
  const asMembers = targets.filter((target) => isMemberTarget(target, members))
  const unknown = targets.filter((target) => !asShapes.includes(target) && !asMembers.includes(target))
  if (unknown.length > 0) throw new UsageError(`--targets ${unknown.join(',')}: there is no such thing; there are ${choice.join(', ')}.`)
  if (nemesis.length === 0) throw new UsageError('--targets says whom faults strike, and there are none: add --nemesis, or give each fault of the script its target.')
  if (asShapes.length > 0 && !partitions) {
    throw new UsageError(`--targets ${asShapes.join(',')} says what a partition looks like, and there is no partition: add --nemesis partition.`)
  }
  for (const name of asShapes) {
    const { membersMin } = shapes.find((shape) => shape.name === name)!
    if (members.length < membersMin) throw new UsageError(`--targets ${name} needs at least ${membersMin} members, and there are ${members.length}.`)
  }
  return { partitionTargets: partitions ? targets : [], memberTargets: asMembers }
}

function resolveTraffics(options: PlanOptions, nemesisAll: boolean): readonly PlannedTraffic[] {
  if (options.traffic === undefined) return nemesisAll ? trafficNames : ['all']
  if (options.traffic.length === 0) throw new UsageError(`--traffic is empty; there are ${trafficNames.join(', ')}.`)
  requireKnown('--traffic', options.traffic, trafficNames)
  return trafficNames.filter((traffic) => options.traffic!.includes(traffic))
}

function resolveFirewall(options: PlanOptions, members: readonly string[]): string | null {
  if (options.firewall === undefined) return null
  try {
    const objection = rulesObjection(parseFirewallRules(options.firewall), members)
    if (objection !== null) throw new UsageError(`--firewall ${objection}.`)
    return options.firewall
  } catch (error) {
    if (error instanceof FirewallRuleError) throw new UsageError(`--firewall ${error.message}`)
    throw error
  }
}
