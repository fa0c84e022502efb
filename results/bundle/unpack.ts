import { createReadStream, createWriteStream, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { UsageError } from '../../harness/plan/usage-error.ts'

/** An archive may come from anybody: what it may take of this machine. */
export interface UnpackLimits {
  readonly bytesMax: number
  readonly filesMax: number
}

export const unpackLimits: UnpackLimits = { bytesMax: 4 * 1024 ** 3, filesMax: 20_000 }

/**
 * Unpacks the one folder of a gzipped tar into a directory that exists and is
 * empty. Only plain files and folders below it: a path that leaves it, a link, a
 * device, a name that comes twice, or more than the limits allow is refused.
 * Returns the folder. Rejects with UsageError; what was unpacked until then stays.
 */
export async function unpackArchive(archive: string, into: string, limits: UnpackLimits = unpackLimits): Promise<string> {
  const refuse = (why: string): never => { throw new UsageError(`${archive} is no bundle of splitbrain: ${why}.`) }
  const seen = new Set<string>()
  const tops = new Set<string>()
  let bytes = 0
  const entries = extract()
  const unpacked = (async () => {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header
      const objection = objectionTo(name, type ?? null)
      if (objection !== null) refuse(objection)
      const path = name.replace(/\/+$/, '')
      tops.add(path.split('/')[0]!)
      if (tops.size > 1) refuse('it holds more than one folder')
      if (type === 'directory') {
        entry.resume()
        continue
      }
      if (seen.has(path)) refuse(`${path} comes twice`)
      seen.add(path)
      bytes += size
      if (seen.size > limits.filesMax) refuse(`it holds more than ${limits.filesMax} files`)
      if (bytes > limits.bytesMax) refuse(`it unpacks to more than ${limits.bytesMax} bytes`)
      const place = join(into, path)
      mkdirSync(dirname(place), { recursive: true })
      // Never through a link, never over a file: the directory was empty, and links are refused.
      await pipeline(entry as unknown as Readable, createWriteStream(place, { flags: 'wx' }))
    }
  })()
  unpacked.catch((error: unknown) => entries.destroy(error as Error))
  try {
    await pipeline(createReadStream(archive), createGunzip(), entries)
    await unpacked
  } catch (error) {
    await unpacked.catch((first: unknown) => { throw first instanceof UsageError ? first : sentence(archive, error as Error) })
    throw sentence(archive, error as Error)
  }
  return seen.size === 0 ? refuse('there is nothing in it') : join(into, [...tops][0]!)
}

function objectionTo(name: string, type: string | null): string | null {
  const said = JSON.stringify(name.slice(0, 200))
  if (type !== 'file' && type !== 'contiguous-file' && type !== 'directory') return `${said} is a ${type ?? 'thing of an unknown kind'}, not a file`
  if (name === '' || /^[/\\]|^[A-Za-z]:|[\\\0]/.test(name) || name.split('/').some((part, at, parts) => part === '..' || part === '.' || (part === '' && at < parts.length - 1))) return `${said} leads out of it`
  return null
}

function sentence(archive: string, error: Error): Error {
  if (error instanceof UsageError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' && !error.message.includes(archive)) return error
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOSPC' || code === 'EISDIR') return new UsageError(`${archive} cannot be unpacked: ${error.message}.`)
  return new UsageError(`${archive} is no whole gzipped tar: ${error.message}.`)
}
