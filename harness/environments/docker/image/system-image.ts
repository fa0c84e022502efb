import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import type { Deployment } from '../../deployment.ts'
import { messageOf, type Engine } from '../engine.ts'
import { hasImage, imageLabel } from './base-image.ts'
import { withBuildLock } from './build-lock.ts'
import { followToEnd } from './engine-progress.ts'
import { removeOldImages } from './prune.ts'

/** Of each system. */
const keptImages = 3

/**
 * The tag of an image with another system's program in it, on top of ours: so
 * a member's container has what probes run in it, and shares all layers but one.
 * Built if the engine does not have it. Rejects with a sentence where the program cannot be had or does not run.
 */
export async function ensureSystemImage(engine: Engine, memberImage: string, { name, program }: Deployment, say: (line: string) => void): Promise<string> {
  const own = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch
  if (engine.architecture !== own) throw new Error(`${name} is taken from this machine, which is ${own}, and the engine's machine is ${engine.architecture}`)
  const file = await readFile(await program.find())
  const dockerfile = [
    `FROM ${memberImage}`,
    `COPY program ${program.path}`,
    `RUN ${[program.path, ...program.versionArguments].join(' ')}`,
    `CMD ["${program.path}"]`,
  ].join('\n')
  const tag = `splitbrain-${name}:${createHash('sha256').update(dockerfile).update(file).digest('hex').slice(0, 16)}`
  if (await hasImage(engine, tag)) return tag
  return await withBuildLock(async () => {
    if (await hasImage(engine, tag)) return tag
    say(`building image ${tag} with ${basename(program.path)}, once`)
    const printed: string[] = []
    try {
      const progress = await engine.docker.buildImage(contextOf(dockerfile, file), { t: tag, labels: { [imageLabel]: name }, rm: true, forcerm: true })
      await followToEnd(engine, progress, ({ stream }) => {
        if (stream !== undefined && stream.trim() !== '') printed.push(stream.trim())
      })
    } catch (error) {
      throw new Error(`The image with ${name} cannot be built: ${[messageOf(error), ...printed.slice(-5)].join('\n    ')}`, { cause: error })
    }
    await removeOldImages(engine, name, keptImages, tag)
    return tag
  })
}

function contextOf(dockerfile: string, program: Buffer): NodeJS.ReadableStream {
  const tar = pack()
  const mtime = new Date(0)
  tar.entry({ name: 'Dockerfile', mtime }, dockerfile)
  tar.entry({ name: 'program', mode: 0o755, mtime }, program)
  tar.finalize()
  return Readable.from(tar)
}
