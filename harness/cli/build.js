// Builds the published package: `dist/` in JavaScript with types, and the
// files beside the source that the program reads at run time. Plain
// JavaScript, so that any Node can start it.
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Read at run time through `import.meta.url`, so they keep their place in the tree. */
const assets = ['report', 'nights', 'serve', 'bench', 'compare'].map((folder) => `results/${folder}/client`)

rmSync(`${root}dist`, { recursive: true, force: true })
execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`], { stdio: 'inherit' })
for (const asset of assets) cpSync(`${root}${asset}`, `${root}dist/${asset}`, { recursive: true })
console.log('built dist/')
