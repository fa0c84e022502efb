import t from 'tap'
import { runCheck } from './check.ts'

/** `splitbrain check FILE --model …` on a file with this text. */
async function check(t: import('tap').Test, name: string, text: string, model: string): Promise<{ code: number, lines: string[] }> {
  const lines: string[] = []
  const directory = t.testdir({ [name]: text })
  const code = await runCheck(`${directory}/${name}`, { model }, { print: (line) => lines.push(line), error: (line) => lines.push(line) })
  return { code, lines }
}

t.test('transactions over lists as Jepsen writes them', async (t) => {
  const edn = (read: string) => `
    {:type :invoke, :f :txn, :value [[:append 5 1] [:r 8 nil]], :process 0, :time 10, :index 0}
    {:type :ok, :f :txn, :value [[:append 5 1] [:r 8 nil]], :process 0, :time 20, :index 1}
    {:type :info, :f :start-partition, :value nil, :process :nemesis, :time 25, :index 2}
    {:type :invoke, :f :txn, :value [[:r 5 nil]], :process 1, :time 30, :index 3}
    {:type :ok, :f :txn, :value [[:r 5 ${read}]], :process 1, :time 40, :index 4}`
  t.equal((await check(t, 'fine.edn', edn('[1]'), 'list-append')).code, 0)
  const stale = await check(t, 'stale.edn', edn('nil'), 'list-append')
  t.equal(stale.code, 1)
  t.match(stale.lines.join('\n'), /G-single-realtime.*\n.*\n.*rw to T0: T1 read 5 as \[\], without 1, which T0 appended/)
})

t.test('a set', async (t) => {
  const line = (event: object) => JSON.stringify(event)
  const text = (seen: number[]) => [
    line({ process: 0, type: 'invoke', f: 'add', value: 1 }), line({ process: 0, type: 'ok', f: 'add', value: 1 }),
    line({ process: 1, type: 'invoke', f: 'read', value: null }), line({ process: 1, type: 'ok', f: 'read', value: seen }),
  ].join('\n')
  t.equal((await check(t, 'fine.jsonl', text([1]), 'set')).code, 0)
  t.equal((await check(t, 'lost.jsonl', text([]), 'set')).code, 1)
  t.rejects(check(t, 'other.jsonl', text([1]), 'bag'), /--model bag is unknown/)
})
