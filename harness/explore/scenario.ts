/** The text of a test that does a scenario's run, and passes once the bug is gone. */
export function scenarioTest({ name, configName }: { readonly name: string, readonly configName: string }): string {
  return `import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { run } from 'splitbrain'

/** Reduced from a run that was invalid; the options stand beside this file. */
test(${JSON.stringify(name)}, async () => {
  const options = JSON.parse(readFileSync(new URL(${JSON.stringify(configName)}, import.meta.url), 'utf8'))
  const { verdict, results } = await run(options)
  assert.equal(verdict, 'valid', results.map(({ checker, verdict, summary }) => \`\${checker}: \${verdict}: \${summary}\`).join('\\n'))
})
`
}
