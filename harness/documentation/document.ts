/** `npm run document`: writes into the README what is generated from the code. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../plan/provenance.ts'
import { withFaultTable } from './fault-table.ts'

const file = join(projectRoot, 'README.md')
writeFileSync(file, withFaultTable(readFileSync(file, 'utf8')))
