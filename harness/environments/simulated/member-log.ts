import type { Log, LogFields } from '../../../node/base/log.ts'
import type { AgentConfig } from '../../../node/agent/agent-config.ts'
import type { EventQueue } from './event-queue.ts'

const levels = ['trace', 'debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

/** What all lives of a member said, one JSON object a line. */
export class MemberLog {
  readonly #queue: EventQueue
  readonly #lines: string[] = []
  readonly #least: number

  constructor(queue: EventQueue, level: AgentConfig['logLevel']) {
    this.#queue = queue
    this.#least = levels.indexOf(level)
  }

  write(level: Level, message: string, fields: LogFields): void {
    this.#lines.push(JSON.stringify({ timeMs: this.#queue.nowNs / 1e6, level, message, ...fields }))
  }

  /** As the member's code has it. */
  forMember(): Log {
    const at = (level: Level) => levels.indexOf(level) < this.#least
      ? () => {}
      : (message: string, fields: LogFields = {}) => this.write(level, message, fields)
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }
}
