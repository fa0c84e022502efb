/**
 * Commands of the catalog in the log, codes 30 to 49. In a command's bytes the
 * node's name stands where the key does (`commands.ts`); the rest is a JSON
 * object in UTF-8, because its parts are many, small, and will grow: a field
 * that a version does not know is ignored, one that is missing has the default
 * that its absence meant before.
 */
import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { readAll, readCheck, readNode, readService } from './catalog-shapes.ts'
import type { CheckDefinition, NodeDefinition, ServiceDefinition } from './catalog-types.ts'

export type CatalogCommand = CatalogRegister | CatalogDeregister

/** Registers a node and what runs on it, all or nothing. */
export interface CatalogRegister {
  readonly kind: 'catalog-register'
  readonly node: NodeDefinition
  /** An existing node stays as it is: only its service and checks are registered. */
  readonly skipNodeUpdate: boolean
  readonly service: ServiceDefinition | null
  readonly checks: readonly CheckDefinition[]
}

/** With `serviceId`: a service and its checks. With `checkId`: a check. With neither: the node and all of it. */
export interface CatalogDeregister {
  readonly kind: 'catalog-deregister'
  readonly node: string
  readonly serviceId: string | null
  readonly checkId: string | null
}

export const catalogCodes = { 'catalog-register': 30, 'catalog-deregister': 31 } as const

/** As they stand in commands and, with their indexes, in snapshots. */
export const textMapSchema = z.record(z.string(), z.string()).nullable()
const port = z.int().min(0).max(65535)
const weight = z.int().min(0).max(65535)

export const serviceSchema = z.object({
  id: z.string(), name: z.string(), tags: z.array(z.string()), address: z.string(),
  taggedAddresses: z.record(z.string(), z.object({ address: z.string(), port })).nullable(),
  port, meta: textMapSchema, weights: z.object({ passing: weight, warning: weight }), enableTagOverride: z.boolean(),
})

export const checkSchema = z.object({
  checkId: z.string(), name: z.string(), status: z.enum(['passing', 'warning', 'critical']),
  notes: z.string(), output: z.string(), serviceId: z.string(), type: z.string(),
  definition: z.record(z.string(), z.unknown()),
})

const register = z.object({
  id: z.string(), address: z.string(), taggedAddresses: textMapSchema, meta: textMapSchema,
  skipNodeUpdate: z.boolean(), service: serviceSchema.nullable(), checks: z.array(checkSchema),
})

const deregister = z.object({ serviceId: z.string().nullable(), checkId: z.string().nullable() })

/** What stands behind the node's name. */
export function encodeCatalogRest(command: CatalogCommand): Uint8Array {
  if (command.kind === 'catalog-deregister') {
    const { serviceId, checkId } = command
    return Buffer.from(JSON.stringify({ serviceId, checkId } satisfies z.infer<typeof deregister>))
  }
  const { node: { id, address, taggedAddresses, meta }, skipNodeUpdate } = command
  return Buffer.from(JSON.stringify({ id, address, taggedAddresses, meta, skipNodeUpdate, service: command.service, checks: command.checks }))
}

/** The command with this code, or why there is none: a sentence without its full stop. Never throws. */
export function decodeCatalogRest(code: number, node: string, rest: Uint8Array): CatalogCommand | { readonly kind: 'invalid', readonly problem: string } {
  if (code !== catalogCodes['catalog-register'] && code !== catalogCodes['catalog-deregister']) return invalid(`command ${code} is unknown`)
  let value: unknown
  try {
    // Bytes that are no UTF-8 must be refused, not repaired: every member has to read the same.
    if (!isUtf8(rest)) return invalid('the catalog command is not UTF-8')
    value = JSON.parse(Buffer.from(rest.buffer, rest.byteOffset, rest.byteLength).toString('utf8'))
  } catch {
    return invalid('the catalog command is no JSON')
  }
  const command = code === catalogCodes['catalog-deregister'] ? readDeregister(node, value) : readRegister(node, value)
  if (command !== null) return command
  if (code === catalogCodes['catalog-deregister']) {
    const parsed = deregister.safeParse(value)
    return parsed.success ? { kind: 'catalog-deregister', node, ...parsed.data } : malformed(parsed.error)
  }
  const parsed = register.safeParse(value)
  if (!parsed.success) return malformed(parsed.error)
  const { id, address, taggedAddresses, meta, ...others } = parsed.data
  return { kind: 'catalog-register', node: { name: node, id, address, taggedAddresses, meta }, ...others }
}

/** What the schemas say of a value of the usual shape; null: they are to say it. */
function readRegister(name: string, value: unknown): CatalogRegister | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { skipNodeUpdate, service: givenService, checks: givenChecks, ...rest } = value as Readonly<Record<string, unknown>>
  const node = readNode({ ...rest, name })
  const service = givenService === null ? null : readService(givenService)
  const checks = readAll(givenChecks, readCheck)
  if (node === undefined || typeof skipNodeUpdate !== 'boolean' || service === undefined || checks === undefined) return null
  return { kind: 'catalog-register', node, skipNodeUpdate, service, checks }
}

function readDeregister(node: string, value: unknown): CatalogDeregister | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { serviceId, checkId } = value as Readonly<Record<string, unknown>>
  if ((serviceId !== null && typeof serviceId !== 'string') || (checkId !== null && typeof checkId !== 'string')) return null
  return { kind: 'catalog-deregister', node, serviceId, checkId }
}

function malformed(error: z.ZodError): { readonly kind: 'invalid', readonly problem: string } {
  return invalid(`the catalog command is malformed at ${error.issues[0]?.path.join('.') || 'its top'}`)
}

function invalid(problem: string): { readonly kind: 'invalid', readonly problem: string } {
  return { kind: 'invalid', problem }
}
