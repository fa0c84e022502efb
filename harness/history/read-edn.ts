import { parseEDNString } from 'edn-data'
import { HistoryFormatError } from './format-error.ts'
import { toEvent, type ReadHistory } from './read-jsonl.ts'

/** Jepsen's EDN: one vector or list of maps, or one map after another. */
export function readEdn(text: string): ReadHistory {
  const clean = text.replace(/;[^\n"]*(?=\n|$)/g, '').trim()
  if (clean === '') return { events: [], notes: [] }
  const wrapped = clean.startsWith('{') ? `[${clean}]` : clean
  let maps: unknown
  try {
    maps = parseEDNString(wrapped, { mapAs: 'object', keywordAs: 'string', listAs: 'array', setAs: 'array', charAs: 'string' })
  } catch (error) {
    throw new HistoryFormatError(`not EDN: ${(error as Error).message}.`)
  }
  if (!Array.isArray(maps)) throw new HistoryFormatError('the EDN holds no list of events.')
  return { events: maps.map((map, i) => toEvent(asEvent(map, i), i, `event ${i + 1}`)), notes: [] }
}

/** Jepsen's fields are ours, but for a process that is a keyword (`:nemesis`) and for numbers as keys. */
function asEvent(map: unknown, position: number): unknown {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new HistoryFormatError(`event ${position + 1}: not a map: ${JSON.stringify(map)?.slice(0, 100)}.`)
  }
  const { key, ...fields } = map as Record<string, unknown>
  return {
    ...fields,
    ...key === null || key === undefined ? {} : { key: typeof key === 'number' ? key : String(key) },
    process: typeof fields['process'] === 'string' ? 'nemesis' : fields['process'],
  }
}
