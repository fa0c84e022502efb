import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { pollUntil } from '../deadline.ts'
import { currentOwner, isOwnerDead, type Owner } from '../../owner.ts'

/** A build takes a minute; one that takes this long hangs. */
const lockTimeoutMs = 15 * 60_000
const lockPollMs = 200

/**
 * Runs `work` while no other process of this user on this machine does. What a
 * dead process held is free. Only saves work: if two take over a dead one's lock in
 * the same instant, both build the same image.
 */
export async function withBuildLock<T>(work: () => Promise<T>, file = join(tmpdir(), `splitbrain-image-${userInfo().uid}.lock`)): Promise<T> {
  await pollUntil(async () => (tryLock(file) ? true : null), lockPollMs, lockTimeoutMs,
    () => `Waited ${lockTimeoutMs / 60_000} minutes for process ${holderOf(file)?.pid ?? '?'} to build its image; remove ${file} if that is wrong`)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

function tryLock(file: string): boolean {
  const holder = holderOf(file)
  if (holder !== null && !isOwnerDead(holder)) return false
  // A dead one's, or no lock at all: ours are never seen half written.
  rmSync(file, { force: true })
  // Written first and then linked, so that nobody ever reads half a lock: link fails where the name exists.
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(currentOwner()))
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function holderOf(file: string): Owner | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner
  } catch {
    return null
  }
}
