/**
 * Nodes, services and checks out of JSON, as the schemas of `catalog-commands.ts` read
 * them, by hand: every member reads each command of the log, and again after a
 * restart, and there a general validator took most of the time. `undefined`:
 * not of the usual shape, so that a schema is to say what is wrong with it, or
 * to take it in nevertheless. Fields come in the schemas' order, since snapshots
 * are written in it.
 */
import type { CheckDefinition, Indexed, NodeDefinition, ServiceAddress, ServiceDefinition, TextMap } from './catalog-types.ts'

type Value = Readonly<Record<string, unknown>>

const portMax = 65535

export function readNode(value: unknown): NodeDefinition | undefined {
  if (!isObject(value)) return undefined
  const { name, id, address } = value
  const taggedAddresses = readTexts(value['taggedAddresses'])
  const meta = readTexts(value['meta'])
  if (typeof name !== 'string' || typeof id !== 'string' || typeof address !== 'string' || taggedAddresses === undefined || meta === undefined) return undefined
  return { name, id, address, taggedAddresses, meta }
}

export function readService(value: unknown): ServiceDefinition | undefined {
  if (!isObject(value)) return undefined
  const { id, name, tags, address, port, weights, enableTagOverride } = value
  const taggedAddresses = readAddresses(value['taggedAddresses'])
  const meta = readTexts(value['meta'])
  if (typeof id !== 'string' || typeof name !== 'string' || !areStrings(tags) || typeof address !== 'string' || taggedAddresses === undefined) return undefined
  if (!isUint16(port) || meta === undefined || !isObject(weights) || typeof enableTagOverride !== 'boolean') return undefined
  const { passing, warning } = weights
  if (!isUint16(passing) || !isUint16(warning)) return undefined
  return { id, name, tags, address, taggedAddresses, port, meta, weights: { passing, warning }, enableTagOverride }
}

export function readCheck(value: unknown): CheckDefinition | undefined {
  if (!isObject(value)) return undefined
  const { checkId, name, status, notes, output, serviceId, type, definition } = value
  if (typeof checkId !== 'string' || typeof name !== 'string' || (status !== 'passing' && status !== 'warning' && status !== 'critical')) return undefined
  if (typeof notes !== 'string' || typeof output !== 'string' || typeof serviceId !== 'string' || typeof type !== 'string') return undefined
  if (!isObject(definition) || Object.hasOwn(definition, '__proto__')) return undefined
  return { checkId, name, status, notes, output, serviceId, type, definition }
}

/** With the indexes that it has in a snapshot. */
export function readIndexed<T extends object>(read: (value: unknown) => T | undefined): (value: unknown) => T & Indexed | undefined {
  return (value) => {
    const entry = read(value)
    if (entry === undefined) return undefined
    const { createIndex, modifyIndex } = value as Value
    return isIndex(createIndex) && isIndex(modifyIndex) ? { ...entry, createIndex, modifyIndex } : undefined
  }
}

export function readAll<T>(value: unknown, read: (value: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined
  const entries: T[] = []
  for (const one of value) {
    const entry = read(one)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  return entries
}

/** A row of names and texts, or null. */
function readTexts(value: unknown): TextMap | null | undefined {
  if (value === null) return null
  if (!isObject(value) || Object.hasOwn(value, '__proto__')) return undefined
  for (const name in value) if (typeof value[name] !== 'string') return undefined
  return value as TextMap
}

function readAddresses(value: unknown): Readonly<Record<string, ServiceAddress>> | null | undefined {
  if (value === null) return null
  if (!isObject(value) || Object.hasOwn(value, '__proto__')) return undefined
  const addresses: Record<string, ServiceAddress> = {}
  for (const name in value) {
    const one = value[name]
    if (!isObject(one)) return undefined
    const { address, port } = one
    if (typeof address !== 'string' || !isUint16(port)) return undefined
    addresses[name] = { address, port }
  }
  return addresses
}

function isObject(value: unknown): value is Value {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function areStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function isUint16(value: unknown): value is number {
  return isIndex(value) && value <= portMax
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
