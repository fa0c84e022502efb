import { formatContext, type HistoryContext } from '../../harness/history/context.ts'
import type { HistoryEvent } from '../../harness/history/event.ts'

/** The lines of `history.jsonl`, behind one that says which run it is of; `context` null leaves that out. */
export function* toJsonl(events: Iterable<HistoryEvent>, context: HistoryContext | null): Generator<string> {
  if (context !== null) yield `${formatContext(context)}\n`
  for (const event of events) yield `${JSON.stringify(event)}\n`
}
