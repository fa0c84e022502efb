import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withDeadline } from '../deadline.ts'
import { messageOf, type Engine } from '../engine.ts'
import { followToEnd } from './engine-progress.ts'
import { packageRoot } from './member-files.ts'

/** Debian 12 as Node's own project publishes it. Also the default in docker/Dockerfile. */
export const publicBase = 'node:26-bookworm-slim'
/** Overrides the choice: a mirror of the public image, or any image that docker/Dockerfile accepts. */
export const baseVariable = 'SPLITBRAIN_BASE_IMAGE'
/** On images that this project made; pruning looks at nothing else. */
export const imageLabel = 'splitbrain.image'

/** A registry that is there says so at once; one behind a firewall that swallows packets never does. */
const pullFirstAnswerMs = 10_000
const pullStallMs = 60_000
const recipeTimeoutMs = 5 * 60_000

const recipeFile = join(packageRoot, 'docker', 'base-root.sh')

/** The image that docker/base-root.sh makes here; its name holds what it depends on. */
export function recipeTag(): string {
  const inputs = [readFileSync(recipeFile, 'utf8'), process.version, process.arch].join('\n')
  return `splitbrain-base:${createHash('sha256').update(inputs).digest('hex').slice(0, 16)}`
}

/**
 * Bases for the member's image, best first, each made only when asked for: a
 * base that is there but cannot be built on (no package mirror) gives way to the next.
 */
export async function* baseImages(engine: Engine, say: (line: string) => void): AsyncGenerator<string> {
  const chosen = process.env[baseVariable]
  if (chosen !== undefined && chosen !== '') {
    yield chosen
    return
  }
  const failures: string[] = []
  const recipe = recipeTag()
  if (await hasImage(engine, recipe)) yield recipe
  if (await hasImage(engine, publicBase)) {
    yield publicBase
  } else {
    say(`pulling ${publicBase}, once`)
    const failure = await pull(engine, publicBase)
    if (failure === null) yield publicBase
    else failures.push(`docker pull ${publicBase}: ${failure}`)
  }
  say(`making a base image from Debian packages, once, about 30 s${failures.length > 0 ? ' (no image registry can be reached)' : ''}`)
  const failure = await makeBase(engine, recipe)
  if (failure === null) yield recipe
  else failures.push(`docker/base-root.sh: ${failure}`)
  throw new Error([
    'No base image for members can be had:',
    ...failures.map((line) => `  ${line}`),
    `Make ${publicBase} available (docker pull, docker load), or install mmdebstrap (apt-get install mmdebstrap) on Linux, `
    + `or name an image with Node 26 and apt in ${baseVariable}`,
  ].join('\n'))
}

/** Whether the engine has it already. */
export async function hasImage(engine: Engine, tag: string): Promise<boolean> {
  return await engine.docker.getImage(tag).inspect().then(() => true, () => false)
}

/** Null, or why the image cannot be pulled. Gives up soon where no registry answers. */
export async function pull(engine: Engine, tag: string, firstAnswerMs = pullFirstAnswerMs): Promise<string | null> {
  try {
    const stream = await withDeadline(engine.docker.pull(tag), firstAnswerMs, () => `no answer within ${firstAnswerMs / 1000} s`)
    await followToEnd(engine, stream, () => {}, pullStallMs)
    return null
  } catch (error) {
    return messageOf(error)
  }
}

/** Null, or why docker/base-root.sh cannot make `tag` here. */
async function makeBase(engine: Engine, tag: string): Promise<string | null> {
  const unfit = recipeUnfit(engine)
  if (unfit !== null) return unfit
  const directory = await mkdtemp(join(tmpdir(), 'splitbrain-base-'))
  try {
    const tarFile = join(directory, 'root.tar')
    // Into a file first: an import of a stream that breaks off could leave half an image.
    await promisify(execFile)('sh', [recipeFile, tarFile, process.execPath], { timeout: recipeTimeoutMs })
    const progress = await engine.docker.importImage(createReadStream(tarFile) as unknown as string, {
      repo: tag.split(':')[0], tag: tag.split(':')[1], changes: `LABEL ${imageLabel}=base`,
    })
    await followToEnd(engine, progress)
    return null
  } catch (error) {
    const { stderr } = error as { stderr?: string }
    return (stderr !== undefined && stderr.trim() !== '' ? stderr.trim() : messageOf(error)).split('\n').slice(-4).join('\n    ')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Why the recipe cannot serve this engine, or null. It copies this process's own Node into the image. */
function recipeUnfit(engine: Engine): string | null {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`
  const own = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch
  if (engine.architecture !== own) return `the engine's machine is ${engine.architecture}, this one ${own}`
  return null
}
