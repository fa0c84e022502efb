import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { messageOf, type Engine } from '../engine.ts'
import { baseImages, hasImage, imageLabel } from './base-image.ts'
import { withBuildLock } from './build-lock.ts'
import { followToEnd } from './engine-progress.ts'
import { contentHash, memberFiles, packageRoot, type ImageFile } from './member-files.ts'
import { removeOldImages } from './prune.ts'

const repository = 'splitbrain-member'
/** Enough for some checkouts and branches side by side; the layers below are shared. */
const keptImages = 4
const keptBases = 2

/** What the build's context holds besides `app/`, from docker/. */
const recipeFiles = ['Dockerfile', 'packet-agent.py', 'disk-agent.py', 'skewed-clock.c', 'lend-clock.c']

function recipeFile(name: string): Buffer {
  return readFileSync(join(packageRoot, 'docker', name))
}

/** The tag that the member's image has, or would have, for what is checked out now. */
export function memberImageTag(files: readonly ImageFile[] = memberFiles()): string {
  return `${repository}:${contentHash(files, ...recipeFiles.map((name) => recipeFile(name).toString('utf8')))}`
}

/**
 * The tag of an image with the member as it is here, built if the engine does
 * not have it yet. Two runs at once build one after the other, so the second finds the first one's.
 */
export async function ensureMemberImage(engine: Engine, say: (line: string) => void): Promise<string> {
  const files = memberFiles()
  const tag = memberImageTag(files)
  if (await hasImage(engine, tag)) return tag
  return await withBuildLock(async () => {
    if (await hasImage(engine, tag)) return tag
    const failures: string[] = []
    for await (const base of baseImages(engine, say)) {
      const beganMs = performance.now()
      say(`building member image ${tag} on ${base}, once for this source, some seconds`)
      const failure = await build(engine, tag, base, files)
      if (failure === null) {
        say(`built member image in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`)
        await removeOldImages(engine, 'member', keptImages - 1, tag)
        await removeOldImages(engine, 'base', keptBases, tag)
        return tag
      }
      failures.push(`on ${base}: ${failure}`)
      say(`could not build ${failures.at(-1)}`)
    }
    throw new Error(`The member image cannot be built:\n  ${failures.join('\n  ')}`)
  })
}

/** Null, or what the engine said of the failing step. */
async function build(engine: Engine, tag: string, base: string, files: readonly ImageFile[]): Promise<string | null> {
  const output: string[] = []
  try {
    const progress = await engine.docker.buildImage(contextTar(files), {
      t: tag, buildargs: { BASE_IMAGE: base }, labels: { [imageLabel]: 'member' }, rm: true, forcerm: true,
    })
    await followToEnd(engine, progress, ({ stream }) => {
      if (stream !== undefined) output.push(stream.trim())
    })
    return null
  } catch (error) {
    return [messageOf(error), ...output.filter((line) => line !== '').slice(-5)].join('\n    ')
  }
}

/** The build context. Times are fixed, so that the engine's cache sees equal files as equal. */
function contextTar(files: readonly ImageFile[]): NodeJS.ReadableStream {
  const tar = pack()
  const mtime = new Date(0)
  for (const name of recipeFiles) tar.entry({ name, mtime }, recipeFile(name))
  for (const file of files) tar.entry({ name: `app/${file.path}`, mode: file.mode, mtime }, file.content)
  tar.finalize()
  return Readable.from(tar)
}
