import type { CheckResult } from '../checkers/verdict.ts'

/** Judges what members left in `directory/<member>/`: their Raft traces. */
export async function checkMembers(directory: string, members: readonly string[]): Promise<readonly CheckResult[]> {
  throw new Error(`to be wired ${directory} ${members.length}`)
}
