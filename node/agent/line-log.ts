import { pino } from 'pino'
import type { Log, LogFields } from '../base/log.ts'
import type { LogLevel } from './agent-config.ts'

const labels: Record<number, string> = { 10: 'TRACE', 20: 'DEBUG', 30: 'INFO', 40: 'WARN', 50: 'ERROR', 60: 'ERROR' }

/** A member's log in Consul's form: `2026-01-31T04:09:23.733Z [INFO]  agent: found a server: name=n2`. */
export function lineLog(level: LogLevel, write: (line: string) => void): Log {
  // pino decides what is logged; the line is made here, because a person reads it.
  const logger = pino({ level, base: null, timestamp: false }, {
    write: (json: string) => {
      const { level: number, msg, ...fields } = JSON.parse(json) as { level: number, msg: string } & LogFields
      const details = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'string' && /[\s=]/.test(value) ? JSON.stringify(value) : value}`)
      const label = `[${labels[number] ?? 'INFO'}]`.padEnd(7)
      write(`${new Date().toISOString()} ${label} agent: ${msg}${details.length === 0 ? '' : `: ${details.join(' ')}`}\n`)
    },
  })
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  }
}
