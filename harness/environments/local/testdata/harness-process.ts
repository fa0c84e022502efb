/** A harness of its own process, for tests that kill it: starts members, says who they are, and waits. */
import { join } from 'node:path'
import { seededRandom } from '../../../../node/base/random.ts'
import { createLocalEnvironment } from '../local-environment.ts'

const [runId, workDirectory] = process.argv.slice(2) as [string, string]
const environment = await createLocalEnvironment({
  runId, workDirectory, memberCount: 3, random: seededRandom(1), edits: [], memberConfig: {}, latencyMs: 0, powerLoss: false, say: () => {},
}, { entry: join(import.meta.dirname, 'fake-member.ts') })
await environment.start()
const pids = await Promise.all(environment.members.map(async (member) => {
  const outcome = await environment.request(member, { method: 'GET', target: '/pid' }, 5_000)
  return outcome.kind === 'response' ? Number(Buffer.from(outcome.body).toString()) : 0
}))
console.log(JSON.stringify(pids))
setInterval(() => {}, 1_000)
if (process.argv[4] === 'throw') setTimeout(() => { throw new Error('an exception in the harness') }, 50)
