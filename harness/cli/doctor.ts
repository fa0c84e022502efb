import { messageOf } from '../environments/docker/engine.ts'
import { environmentFindings, machineFindings, type Finding } from './doctor-findings.ts'

export interface DoctorOptions {
  /** One JSON object instead of a table. */
  readonly json?: boolean
}

export interface DoctorIo {
  /** Receives whole lines, without their line feed. */
  print(line: string): void
}

/** Looks at some things; may reject. */
export type Probe = () => Promise<Finding[]>

/** Which environments this machine can run. */
interface Diagnosis {
  readonly environments: { readonly simulated: true, readonly local: boolean, readonly docker: boolean }
  readonly findings: readonly Finding[]
}

/**
 * Says what this machine can do, what each missing thing costs and how to get
 * it. Never rejects. 0: real members can run here, in Docker or as local
 * processes; 2: only the simulation can.
 */
export async function runDoctor(options: DoctorOptions, io: DoctorIo, probes: readonly Probe[] = [machineFindings, environmentFindings]): Promise<number> {
  const findings = (await Promise.all(probes.map(async (find) => {
    try {
      return await find()
    } catch (error) {
      return [{ name: 'doctor', state: 'unknown', found: `a probe failed: ${messageOf(error)}` } satisfies Finding]
    }
  }))).flat()
  const has = (name: string) => findings.some((finding) => finding.name === name && finding.state === 'ok')
  const diagnosis: Diagnosis = {
    environments: { simulated: true, local: has('loopback'), docker: has('docker engine') && (has('member image') || has('base image') || has('mmdebstrap')) },
    findings,
  }
  if (options.json === true) io.print(JSON.stringify(diagnosis, null, 2))
  else for (const line of describe(diagnosis)) io.print(line)
  return diagnosis.environments.local || diagnosis.environments.docker ? 0 : 2
}

const marks: Readonly<Record<Finding['state'], string>> = { ok: 'ok', missing: '--', unknown: '??' }

/** A table; under each row that lacks something, what that costs and how to get it. */
function* describe({ environments, findings }: Diagnosis): Generator<string> {
  const width = Math.max(...findings.map(({ name }) => name.length))
  for (const { name, state, found, costs, get } of findings) {
    yield `${marks[state]}  ${name.padEnd(width)}  ${found}`
    if (costs !== undefined) yield `    ${' '.repeat(width)}  without it: ${costs}`
    if (get !== undefined) yield `    ${' '.repeat(width)}  to get it: ${get}`
  }
  yield ''
  yield `environments: ${Object.entries(environments).map(([name, can]) => `${name} ${can ? 'yes' : 'no'}`).join(', ')}`
}
