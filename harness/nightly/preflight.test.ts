import t from 'tap'
import { realHost } from '../runner/host.ts'
import { parseMatrixFile, resolveMatrix } from './matrix.ts'
import { survey } from './preflight.ts'

/** What cannot be done is found before anything runs, by asking the real families and workloads; the engine is a pretended one. */
const known = { workloads: Object.keys(realHost.workloads), nemeses: Object.keys(realHost.nemeses) }

async function surveyed(matrix: object, docker: { readonly available: true } | { readonly available: false, readonly reason: string } = { available: true }, findProgram = async (_system: string): Promise<unknown> => null) {
  const { cells, notes } = await survey(resolveMatrix([parseMatrixFile(JSON.stringify(matrix), 'a matrix')], known), { host: { ...realHost, dockerAvailability: async () => docker }, workingDirectory: '/', findProgram })
  return { cells, notes, of: (workload: string, env: string, system = 'registry', nemesis = '') => cells.find(({ cell }) => cell.workload === workload && cell.env === env && cell.system === system && (nemesis === '' || cell.nemesis.join('+') === nemesis))! }
}

t.test('the combinations of systems, environments, workloads and faults that there are not', async (t) => {
  const { cells, of } = await surveyed({ workloads: ['register', 'lock'], nemeses: ['kill', 'registry'], members: [3], systems: ['registry', 'consul', 'etcd'], envs: ['simulated', 'docker'] })
  t.equal(cells.length, 24)
  t.equal(of('lock', 'simulated', 'registry', 'kill').refused, null)
  t.match(of('lock', 'docker', 'etcd', 'kill').refused, /lock cannot work with etcd: the harness speaks to no sessions there/)
  t.equal(of('register', 'docker', 'etcd', 'kill').refused, null)
  t.match(of('register', 'docker', 'etcd', 'registry').refused, /registry cannot work here/)
  t.match(of('register', 'simulated', 'consul', 'kill').refused, /--system consul runs in containers/)
  t.equal(of('register', 'docker', 'consul', 'registry').refused, null)
})

t.test('a plan stands behind each: its time, and the command that does it again', async (t) => {
  const { of } = await surveyed({ workloads: ['lock'], nemeses: ['kill'], members: [5], envs: ['local'], options: { rate: 9, latency: 5 } })
  t.equal(of('lock', 'local').timeLimitS, 60, 'as the workload has it')
  t.match(of('lock', 'local').rerun(42), /^npx splitbrain test --env local .*--members 5 .*--workload lock .*--rate 9 .*--latency 5 .*--seed 42$/)
  const alone = await surveyed({ workloads: ['register', 'membership'], nemeses: ['partition', 'kill'], members: [1], envs: ['simulated'] })
  t.match(alone.of('register', 'simulated', 'registry', 'partition').refused, /one member alone/)
  t.match(alone.of('membership', 'simulated', 'registry', 'kill').refused, /one member alone has nobody to watch/)
  t.equal(alone.of('register', 'simulated', 'registry', 'kill').refused, null)
})

t.test('an engine or a program that is not there costs its own combinations only; auto is resolved once, and said', async (t) => {
  const none = { available: false, reason: 'no socket' } as const
  const without = await surveyed({ workloads: ['register'], nemeses: ['kill'], members: [3], envs: ['docker', 'simulated'] }, none)
  t.equal(without.of('register', 'docker').refused, 'Docker cannot be used: no socket')
  t.equal(without.of('register', 'simulated').refused, null)
  const auto = await surveyed({ workloads: ['register'], nemeses: ['kill'], members: [3], envs: ['auto', 'local'] }, none)
  t.equal(auto.cells.length, 1, 'local twice is local')
  t.match(auto.notes, [/environment local.*no socket/])
  const asked: string[] = []
  const programs = await surveyed({ workloads: ['register'], nemeses: ['kill'], members: [3], envs: ['docker'], systems: ['registry', 'etcd'] }, { available: true }, async (system) => {
    asked.push(system)
    if (system === 'etcd') throw new Error('no apt here')
    return null
  })
  t.match(programs.of('register', 'docker', 'etcd').refused, /etcd cannot be had: no apt here/)
  t.equal(programs.of('register', 'docker').refused, null)
  await t.rejects(surveyed({ options: { mutant: 'no-such-bug' } }), { name: 'UsageError', message: /no-such-bug/ }, 'a bug that does not exist is no combination')
})
