/** Where a member's own log lines go. `fields` are flat and JSON-serialisable. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** A log for tests and simulations that want none. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
