import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface MadeStore extends Disposable {
  readonly path: string
  /** Writes a file below it, with the directories it takes. */
  write(name: string, content: string | object): void
  /** A run that was judged; `more` goes into its plan. */
  run(id: string, verdict: 'valid' | 'invalid' | 'unknown' | null, more?: object): void
  link(name: string, target: string): void
}

/** A store in a directory of its own, which goes with it. */
export function makeStore(): MadeStore {
  const path = mkdtempSync(join(tmpdir(), 'splitbrain-store-'))
  const write = (name: string, content: string | object) => {
    const place = join(path, name)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return {
    path, write,
    run(id, verdict, more = {}) {
      write(`${id}/plan.json`, {
        env: 'simulated', system: 'registry', members: 3, workload: 'register', nemesis: ['partition'], seed: 42, mutant: null, timeLimitS: 10,
        startedAt: '2026-11-21T10:00:00.000Z', rerun: 'npx splitbrain test --seed 42', ...more,
      })
      if (verdict !== null) write(`${id}/verdict.json`, { verdict, ended: 'judged', results: [{ checker: 'linearizability', verdict, summary: `what is told of ${id}`, details: {} }] })
    },
    link: (name, target) => symlinkSync(target, join(path, name)),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
