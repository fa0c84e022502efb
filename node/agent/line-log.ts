import { pino } from 'pino'
import type { Log, LogFields } from '../base/log.ts'
import type { LogLevel } from './agent-config.ts'
import { textLine } from './log-lines.ts'

const names: Record<number, keyof Log> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'error' }

/** A log whose level can be changed while it is written. */
export interface LevelLog extends Log {
  setLevel(level: LogLevel): void
}

/** A member's log, a line each (`textLine`). */
export function lineLog(level: LogLevel, write: (line: string) => void): LevelLog {
  // pino decides what is logged; the line is made here, because a person reads it.
  const logger = pino({ level, base: null, timestamp: false }, {
    write: (json: string) => {
      const { level: number, msg, ...fields } = JSON.parse(json) as { level: number, msg: string } & LogFields
      write(textLine(new Date(), names[number] ?? 'info', msg, fields))
    },
  })
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    setLevel: (next) => { logger.level = next },
  }
}
