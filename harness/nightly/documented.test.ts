import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import t from 'tap'
import { addNightlyCommand } from '../cli/nightly-command.ts'
import { realHost } from '../runner/host.ts'
import { parseMatrixFile, resolveMatrix } from './matrix.ts'
import { readNightOptions, type NightlyFlags } from './night-options.ts'

/** What the documentation and the workflow tell users to type is what the command takes. */
const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8')
const known = { workloads: Object.keys(realHost.workloads), nemeses: Object.keys(realHost.nemeses) }

/** Every `npx splitbrain nightly …` of a text, as a shell would split it; `$NAME` as the workflow sets it. */
function commandsIn(text: string): string[][] {
  const joined = text.replace(/\\\n\s*/g, ' ')
  return [...joined.matchAll(/npx splitbrain nightly( .*)$/gm)].map(([, rest]) => rest!.replace(/#.*$/, '').replace(/ >.*$/, '').replace(/\$\{SEED:\+--seed "\$SEED"\}/, '--seed 7')
    .replace(/"\$(\w+)"/g, (_, name: string) => /^\s*BUDGET/.test(name) ? '1h' : new RegExp(`${name}: (\\S+)`).exec(text)![1]!).trim().split(/\s+/))
}

t.test('every command line is taken, and comes to a matrix', async (t) => {
  const commands = [...commandsIn(read('README.md')), ...commandsIn(read('.github/workflows/nightly.yml'))].filter((words) => words[0]!.startsWith('--'))
  t.equal(commands.length, 6, JSON.stringify(commands))
  for (const words of commands) {
    const program = new Command().exitOverride()
    let flags: NightlyFlags | null = null
    addNightlyCommand(program, async (read) => { flags = read })
    for (const command of program.commands) command.exitOverride()
    await program.parseAsync(['nightly', ...words], { from: 'user' })
    const { matrix: _, ...rest } = flags!
    t.ok(readNightOptions({ ...rest, config: 'none' }, root, known, {}).matrix.workloads.length > 0, words.join(' '))
  }
})

t.test('the matrix of the README is one', async (t) => {
  const text = /`(\{ "workloads"[^`]*\})`/.exec(read('README.md'))![1]!
  t.match(resolveMatrix([parseMatrixFile(text, 'the README')], known), { nemeses: [['partition'], ['kill', 'pause']], seeds: { count: 5 }, exclude: [{ workload: 'lock' }] })
})
