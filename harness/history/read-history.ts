import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { UsageError } from '../plan/usage-error.ts'
import { HistoryFormatError } from './format-error.ts'
import { readCsv } from './read-csv.ts'
import { readEdn, type EdnOptions } from './read-edn.ts'
import { readJepsenLog } from './read-jepsen-log.ts'
import { readJsonl, type ReadHistory } from './read-jsonl.ts'
import { chunksOfFile } from './text-chunks.ts'

/** How each format is read from a file. */
export const historyFormats = {
  jsonl: (file: string) => readJsonl(chunksOfFile(file)),
  edn: (file: string, options: EdnOptions) => readEdn(chunksOfFile(file), options),
  csv: (file: string) => readCsv(chunksOfFile(file)),
  // Loaded only where it is wanted.
  parquet: async (file: string) => (await import('./read-parquet.ts')).readParquet(file),
  'jepsen-log': (file: string) => readJepsenLog(readFileSync(file, 'utf8')),
} as const satisfies Record<string, (file: string, options: EdnOptions) => ReadHistory | Promise<ReadHistory>>

export type HistoryFormat = keyof typeof historyFormats

const byExtension: Readonly<Record<string, HistoryFormat>> = { '.jsonl': 'jsonl', '.edn': 'edn', '.csv': 'csv', '.parquet': 'parquet', '.log': 'jepsen-log' }

/** By the file's ending; null where that does not tell. */
export const formatOf = (file: string): HistoryFormat | null => byExtension[extname(file)] ?? null

/** A whole history. Rejects with UsageError, a sentence that names the file. */
export async function readHistoryFile(file: string, format: HistoryFormat, options: EdnOptions = {}): Promise<ReadHistory> {
  try {
    return await historyFormats[format](file, options)
  } catch (error) {
    if (error instanceof HistoryFormatError) throw new UsageError(`${file}: ${error.message}`)
    if (error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string') throw new UsageError(`${file} cannot be read: ${error.message}.`)
    throw error
  }
}
