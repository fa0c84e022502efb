import type { Log, LogFields } from '../base/log.ts'
import type { LogFeed, LogListening } from '../api/monitor.ts'

/** A member's log in Consul's form: `2026-01-31T04:09:23.733Z [INFO]  agent: found a server: name=n2`. */
export function textLine(time: Date, level: keyof Log, message: string, fields: LogFields): string {
  const details = Object.entries(fields).map(([name, value]) => `${name}=${typeof value === 'string' && /[\s=]/.test(value) ? JSON.stringify(value) : value}`)
  return `${time.toISOString()} ${`[${level.toUpperCase()}]`.padEnd(7)} agent: ${message}${details.length === 0 ? '' : `: ${details.join(' ')}`}\n`
}

/** The same with `log_json`. */
export function jsonLine(time: Date, level: keyof Log, message: string, fields: LogFields): string {
  return `${JSON.stringify({ '@level': level, '@message': message, '@module': 'agent', '@timestamp': time.toISOString(), ...fields })}\n`
}

const ranks: Readonly<Record<keyof Log, number>> = { debug: 1, info: 2, warn: 3, error: 4 }

/** Passes everything on to `log`, and lets others listen, each from a level of its own. */
export function listenedLog(log: Log): Log & LogFeed {
  const listeners = new Set<LogListening>()
  const pass = (level: keyof Log) => (message: string, fields: LogFields = {}) => {
    log[level](message, fields)
    if (listeners.size === 0) return
    const time = new Date()
    for (const { level: least, json, take } of listeners) {
      if (ranks[level] >= (least === 'trace' ? 0 : ranks[least])) take(json ? jsonLine(time, level, message, fields) : textLine(time, level, message, fields))
    }
  }
  return {
    debug: pass('debug'), info: pass('info'), warn: pass('warn'), error: pass('error'),
    listen(listening) {
      listeners.add(listening)
      return () => { listeners.delete(listening) }
    },
  }
}
