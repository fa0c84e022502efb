import t from 'tap'
import { machineFindings, noEngine } from './doctor-findings.ts'
import { runDoctor, type Probe } from './doctor.ts'

t.setTimeout(180_000)

async function doctor(json: boolean, probes?: readonly Probe[]) {
  const lines: string[] = []
  const exitCode = await runDoctor({ json }, { print: (line) => lines.push(line) }, probes)
  return { exitCode, text: lines.join('\n') }
}

t.test('every thing that is missing says what that costs and how to get it', async (t) => {
  const { exitCode, text } = await doctor(true)
  const { environments, findings } = JSON.parse(text) as {
    environments: Record<string, boolean>, findings: { name: string, state: string, found: string, costs?: string, get?: string }[],
  }
  t.equal(exitCode, environments['local'] || environments['docker'] ? 0 : 2)
  t.same(findings.filter(({ state, costs, get }) => state === 'missing' && (costs === undefined || get === undefined)), [])
  t.same(findings.filter(({ state, costs }) => state === 'ok' && costs !== undefined), [])
  t.equal(new Set(findings.map(({ name }) => name)).size, findings.length)
  for (const name of ['node', 'disk', 'loopback', 'docker engine']) t.ok(findings.some((finding) => finding.name === name), name)
})

t.test('without an engine it says so and goes on', async (t) => {
  const { exitCode, text } = await doctor(false, [machineFindings, async () => [noEngine('nobody answers')]])
  t.match(text, /^-- {2}docker engine +nobody answers\n +without it: no docker environment.*\n +to get it: /m)
  t.match(text, /\nenvironments: simulated yes, local yes, docker no$/)
  t.equal(exitCode, 0)
})

t.test('where no real member can run the exit code is 2, also when a probe fails', async (t) => {
  const { exitCode, text } = await doctor(false, [async () => [], async () => { throw new Error('no such file') }])
  t.match(text, /^\?\? {2}doctor +a probe failed: no such file$/m)
  t.match(text, /environments: simulated yes, local no, docker no$/)
  t.equal(exitCode, 2)
})
