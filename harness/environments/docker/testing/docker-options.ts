import { randomBytes } from 'node:crypto'
import { seededRandom } from '../../../../node/base/random.ts'
import type { Environment, EnvironmentOptions, Link } from '../../environment.ts'
import { pollUntil } from '../deadline.ts'

/** Options of an environment for a test. */
export function testOptions(say: (line: string) => void, changes: Partial<EnvironmentOptions> = {}): EnvironmentOptions {
  return {
    runId: `test-${randomBytes(4).toString('hex')}`, memberCount: 3, random: seededRandom(1), workDirectory: '/nonexistent',
    edits: [], memberConfig: {}, latencyMs: 0, powerLoss: false, say, ...changes,
  }
}

/** `n1>n2`. */
export function link(text: string): Link {
  return { from: text.split('>')[0]!, to: text.split('>')[1]! }
}

/** What one member answers to a request; `status text`. */
export async function ask(environment: Environment, member: string, method: 'GET' | 'PUT', target: string, body?: string): Promise<string> {
  const outcome = await environment.request(member, { method, target, ...(body === undefined ? {} : { body }) }, 2_000)
  return outcome.kind === 'response' ? `${outcome.status} ${Buffer.from(outcome.body).toString('utf8')}` : `${outcome.kind} ${outcome.error}`
}

/** Asks until the answer is as wished; elections and forwarding take their time. */
export async function askUntil(environment: Environment, wished: string | RegExp, member: string, method: 'GET' | 'PUT', target: string, body?: string, timeoutMs = 20_000): Promise<void> {
  let last = ''
  await pollUntil(async () => {
    last = await ask(environment, member, method, target, body)
    return (typeof wished === 'string' ? last === wished : wished.test(last)) ? true : null
  }, 50, timeoutMs, () => `${member} ${method} ${target}: wanted ${wished}, got ${last.slice(0, 500)}`)
}
