import { closeSync, openSync, writeSync } from 'node:fs'
import type { Trace } from '../base/trace.ts'

/** Appends trace events to a file, one JSON object a line, each written before the call returns: a kill -9 loses none. */
export function traceFile(path: string): { readonly trace: Trace, close(): void } {
  const descriptor = openSync(path, 'a')
  return {
    trace: (event) => { writeSync(descriptor, `${JSON.stringify(event)}\n`) },
    close: () => closeSync(descriptor),
  }
}
