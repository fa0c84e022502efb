import { closeSync, openSync, writeSync } from 'node:fs'
import type { Trace, TraceEvent } from '../base/trace.ts'

/**
 * Appends trace events to a file, one JSON object a line. A flush hands over
 * all that came since the last with one system call, so that a kill -9 loses
 * nothing that others saw and thousands of applied entries a second cost little.
 */
export function traceFile(path: string): { readonly trace: Trace, close(): void } {
  const descriptor = openSync(path, 'a')
  let lines = ''
  const flush = () => {
    if (lines === '') return
    const bytes = Buffer.from(lines)
    lines = ''
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
  }
  const trace = Object.assign((event: TraceEvent) => { lines += `${JSON.stringify(event)}\n` }, { flush })
  return {
    trace,
    close: () => {
      flush()
      closeSync(descriptor)
    },
  }
}
