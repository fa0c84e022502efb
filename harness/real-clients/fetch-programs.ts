/** Fetches every program of Debian's that the tests use, so that no test's time is spent on it. Exits with 1 if one cannot be had. */
import { debianProgram, debianPrograms } from './debian-program.ts'

for (const program of debianPrograms) {
  const found = await debianProgram(program)
  console.log(`${program.packageName}: ${found.kind === 'found' ? found.path : found.reason}`)
  if (found.kind === 'missing') process.exitCode = 1
}
