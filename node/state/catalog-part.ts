import { z } from 'zod'
import type { CatalogDump, CatalogTable } from './catalog.ts'
import { checkSchema, serviceSchema, textMapSchema } from './catalog-commands.ts'
import type { IndexesDump } from './catalog-indexes.ts'
import { readAll, readCheck, readIndexed, readNode, readService } from './catalog-shapes.ts'
import { decodeRecord, encodeRecord } from './json-records.ts'
import type { PartCapture, PartRestore, SnapshotPart } from './snapshot-part.ts'

const index = z.int().min(0)
const indexed = { createIndex: index, modifyIndex: index }

const catalogRecord = z.union([
  z.strictObject({
    indexes: z.strictObject({
      nodes: index, services: index, checks: index, lastExtinction: index,
      byService: z.array(z.tuple([z.string(), index, index])),
    }),
  }),
  z.strictObject({
    node: z.object({ name: z.string(), id: z.string(), address: z.string(), taggedAddresses: textMapSchema, meta: textMapSchema, ...indexed }),
    services: z.array(serviceSchema.extend(indexed)),
    checks: z.array(checkSchema.extend(indexed)),
  }),
])

const storedNode = readIndexed(readNode)
const storedService = readIndexed(readService)
const storedCheck = readIndexed(readCheck)

/** One node, as the schema reads it. */
function readRecord(value: unknown): z.infer<typeof catalogRecord> | undefined {
  // The schema refuses what it does not know.
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 3) return undefined
  const record = value as Readonly<Record<string, unknown>>
  const node = storedNode(record['node'])
  const services = readAll(record['services'], storedService)
  const checks = readAll(record['checks'], storedCheck)
  if (node === undefined || services === undefined || checks === undefined) return undefined
  return { node, services, checks } as z.infer<typeof catalogRecord>
}

const noIndexes: IndexesDump = { nodes: 0, services: 0, checks: 0, lastExtinction: 0, byService: [] }

/**
 * The catalog's section of a snapshot: a record of the indexes, and one for each
 * node with what runs on it. Nodes are few beside keys: their list is copied at
 * once, the bytes are made one node at a time.
 */
export class CatalogPart implements SnapshotPart {
  readonly name = 'catalog'
  readonly #table: CatalogTable

  constructor(table: CatalogTable) {
    this.#table = table
  }

  capture(): PartCapture {
    const { nodes, indexes } = this.#table.dump()
    const records = function* () {
      yield encodeRecord({ indexes })
      for (const node of nodes) yield encodeRecord(node)
    }
    return { records: records(), release: () => {} }
  }

  restore(): PartRestore {
    const nodes: CatalogDump['nodes'][number][] = []
    let indexes = noIndexes
    return {
      add: (bytes) => {
        const record = decodeRecord(bytes, catalogRecord, readRecord)
        if ('indexes' in record) indexes = record.indexes
        else nodes.push(record)
      },
      finish: () => this.#table.restore({ nodes, indexes }),
    }
  }
}
