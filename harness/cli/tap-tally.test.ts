import { Readable } from 'node:stream'
import t from 'tap'
import { tapTally } from './tap-tally.js'

const stream = `TAP version 14
1..3
# Subtest: a.test.ts
    # Subtest: one
        ok 1 - fine
        # Subtest: inner
            not ok 1 - should be equal
              ---
              at:
                fileName: a.test.ts
                lineNumber: 2
              diff: |
                -2
                +1
              ...
            1..1
        not ok 2 - inner
        1..2
    not ok 1 - one
    ok 2 - needs an engine # SKIP no docker here
    # Subtest: two
        ok 1 - fine
        1..1
    ok 3 - two # time=3ms
    1..3
not ok 1 - a.test.ts # time=40ms
# Subtest: b.test.ts
    1..0 # no tests found
not ok 2 - b.test.ts # time=355ms
  ---
  exitCode: 1
  ...
# Subtest: c.test.ts
    ok 1 - bare
    ok 2 - assertions
    1..2
ok 3 - c.test.ts
`

t.test('counts cases, names failures and the reasons of skips', async (t) => {
  const lines: string[] = []
  const tally = await tapTally(Readable.from([stream]), (line: string) => lines.push(line))
  t.same(tally, { passed: 2, failed: 2, skipped: 1 })
  const end = lines.indexOf('What failed, once more:')
  t.same(lines.slice(end + 1).filter((line) => /^NOT OK|failed:/.test(line)), lines.slice(0, end).filter((line) => /^NOT OK|failed:/.test(line)).map((line) => line.replace(/: \d+ passed.*/, '')), 'all failures, at the end again')
  const text = lines.slice(0, end).join('\n')
  for (const said of [/NOT OK a\.test\.ts/, /failed: one > inner/, /at a\.test\.ts:2/, /skipped: needs an engine: no docker here/, /NOT OK b\.test\.ts/, /exit code 1/, /ok {5}c\.test\.ts: 1 passed/]) t.match(text, said)
})
