import type { ApiContext } from './context.ts'
import type { ApiResponse } from './exchange.ts'
import { errorResponse } from './responses.ts'

export type MonitorLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

export interface LogListening {
  /** Lines below are left out. */
  readonly level: MonitorLevel
  readonly json: boolean
  /** A line with its end. */
  readonly take: (line: string) => void
}

/** The member's own log, for whoever wants to read along. */
export interface LogFeed {
  /** Returns what ends it. */
  listen(listening: LogListening): () => void
}

const levels: Readonly<Record<string, MonitorLevel>> = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERR: 'error', ERROR: 'error' }

/**
 * `/v1/agent/monitor`: the log from now on, until the client goes (Consul's
 * HTTP API, Agent). Lines that a slow reader has no room for are left out, and
 * counted where there is room again: the member's memory is not the reader's.
 */
export function monitor({ logs }: ApiContext, query: URLSearchParams, respond: (response: ApiResponse) => void): void {
  const given = query.get('loglevel') || 'INFO'
  const level = levels[given.toUpperCase()]
  if (level === undefined) return respond(errorResponse(400, `Bad request: Unknown log level: ${given}`))
  if (logs === null) return respond(errorResponse(500, 'this member keeps no log'))
  respond({
    status: 200, headers: { Vary: 'Accept-Encoding', 'Content-Type': 'text/plain; charset=utf-8' }, body: '',
    stream: (write) => {
      let dropped = 0
      return logs.listen({
        level, json: query.has('logjson'),
        take: (line) => {
          if (dropped > 0) {
            if (!write(`[WARN] Monitor dropped ${dropped} logs during monitoring\n`)) {
              dropped++
              return
            }
            dropped = 0
          }
          if (!write(line)) dropped++
        },
      })
    },
  })
}
