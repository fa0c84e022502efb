import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { arch, availableParallelism, freemem, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { baseVariable, publicBase } from '../environments/docker/image/base-image.ts'
import { packageRoot } from '../environments/docker/image/member-files.ts'
import { dockerAvailability, dockerCapabilities, type KernelFeature } from '../environments/docker/index.ts'

/** One thing that was looked at. */
export interface Finding {
  readonly name: string
  /** `unknown`: it could not be tried; `found` says why. */
  readonly state: 'ok' | 'missing' | 'unknown'
  readonly found: string
  /** What does not work without it. */
  readonly costs?: string
  readonly get?: string
}

const gib = 1024 ** 3
/** Below this a run's images, logs and histories may not fit. */
const freeDiskGibMin = 2

/** What the machine itself has. */
export async function machineFindings(): Promise<Finding[]> {
  return [nodeFinding(), platformFinding(), ...await Promise.all([diskFinding(), loopbackFinding(), loopbackAliasFinding(), chromiumFinding(), mmdebstrapFinding()])]
}

/** What a Docker engine offers, if one answers. */
export async function environmentFindings(): Promise<Finding[]> {
  const availability = await dockerAvailability()
  if (!availability.available) return [noEngine(availability.reason)]
  const { engine, routable, baseImage, memberImage, kernel } = await dockerCapabilities()
  return [
    { name: 'docker engine', state: 'ok', found: `${engine.version}${engine.rootless ? ', rootless' : ''}, ${engine.operatingSystem}, ${engine.architecture}` },
    routable
      ? { name: 'container addresses', state: 'ok', found: 'reachable from here: clients talk to members with nothing in between' }
      : {
          name: 'container addresses', state: 'missing', found: 'not routed to this machine (the engine runs in a virtual machine, rootless or elsewhere)',
          costs: 'clients reach members through published ports; a refused request may look like a lost one', get: 'run the harness where a rootful engine runs, on Linux',
        },
    typeof baseImage === 'string'
      ? { name: 'base image', state: 'ok', found: `${publicBase} ${baseImage === 'present' ? 'is here' : 'can be pulled'}` }
      : {
          name: 'base image', state: 'missing', found: `${publicBase}: ${baseImage.missing}`,
          costs: 'the member image is made from Debian packages instead, which needs mmdebstrap', get: `docker pull or docker load it, or name another in ${baseVariable}`,
        },
    memberImage.built
      ? { name: 'member image', state: 'ok', found: memberImage.tag }
      : { name: 'member image', state: 'unknown', found: 'not built for this source yet, so what containers can do was not tried', get: 'the first run in Docker builds it, or: node docker/build-image.ts' },
    ...kernel === null ? [] : (Object.keys(featureNotes) as KernelFeature[]).map((feature): Finding => {
      const state = kernel[feature]
      const { name, costs, get } = featureNotes[feature]
      return state === 'works' ? { name, state: 'ok', found: 'works in a member\'s network namespace' } : { name, state: 'missing', found: state.missing, costs, get }
    }),
  ]
}

export function noEngine(reason: string): Finding {
  return {
    name: 'docker engine', state: 'missing', found: reason,
    costs: 'no docker environment; `--env auto` runs members as local processes, with links through proxies instead of the kernel\'s',
    get: 'install Docker Engine (Debian: apt-get install docker.io) and start it',
  }
}

const featureNotes: Readonly<Record<KernelFeature, { readonly name: string, readonly costs: string, readonly get: string }>> = {
  iptables: {
    name: 'iptables', costs: 'no partitions in docker: a plan that asks for them is refused',
    get: 'an engine that grants CAP_NET_ADMIN, on a kernel with nf_tables or ip_tables',
  },
  statistic: { name: 'iptables statistic', costs: 'no packet loss by the firewall', get: 'kernel module xt_statistic' },
  length: { name: 'iptables length', costs: 'no black-holed MTU', get: 'kernel module xt_length' },
  hashlimit: { name: 'iptables hashlimit', costs: 'no rate limit by the firewall', get: 'kernel module xt_hashlimit' },
  nfqueue: {
    name: 'packet agent', costs: 'packets cannot be delayed, duplicated, reordered, changed, lost in bursts or slowed down in docker; `--latency` needs --env local or simulated',
    get: 'kernel modules nfnetlink_queue and xt_NFQUEUE; python3 in the base image, see docker/Dockerfile',
  },
  'skewed-clock': { name: 'clocks that lie', costs: 'clocks of members cannot be moved in docker', get: 'a base image with a C compiler (Debian: tcc) when the member image is built; see docker/Dockerfile' },
  'loop-disk': {
    name: 'loop devices', costs: 'no power cut on programs that are not ours, no torn writes, no full, slow or read-only disk in docker',
    get: 'an engine that runs as root, grants CAP_SYS_ADMIN and has loop devices (kernel module loop)',
  },
}

function nodeFinding(): Finding {
  const manifest = join(packageRoot, 'node_modules', 'node', 'package.json')
  const pinned = existsSync(manifest) ? `v${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}` : null
  return { name: 'node', state: 'ok', found: `${process.version}${pinned === process.version ? ', the pinned one' : pinned === null ? '' : `; pinned is ${pinned}`}` }
}

function platformFinding(): Finding {
  return {
    name: 'machine', state: 'ok',
    found: `${platform()} ${release()} ${arch()}, ${availableParallelism()} cores, ${(freemem() / gib).toFixed(1)} of ${(totalmem() / gib).toFixed(1)} GiB memory free`,
  }
}

async function diskFinding(): Promise<Finding> {
  const { bavail, bsize } = await statfs(packageRoot)
  const freeGib = bavail * bsize / gib
  const found = `${freeGib.toFixed(1)} GiB free at ${packageRoot}`
  return freeGib >= freeDiskGibMin
    ? { name: 'disk', state: 'ok', found }
    : { name: 'disk', state: 'missing', found, costs: 'a long run may fill the disk and fail', get: `free ${freeDiskGibMin} GiB, e.g. old runs below results/store` }
}

async function loopbackFinding(): Promise<Finding> {
  const failure = await listenFailure('127.0.0.1')
  return failure === null
    ? { name: 'loopback', state: 'ok', found: '127.0.0.1 can be listened on: local processes can be members' }
    : { name: 'loopback', state: 'missing', found: failure, costs: 'no local environment', get: 'allow this user to listen on 127.0.0.1' }
}

async function loopbackAliasFinding(): Promise<Finding> {
  const failure = await listenFailure('127.0.0.2')
  return failure === null
    ? { name: 'loopback aliases', state: 'ok', found: 'all of 127.0.0.0/8 can be listened on' }
    : { name: 'loopback aliases', state: 'missing', found: failure, costs: 'local members share 127.0.0.1 and differ by port only', get: 'macOS: sudo ifconfig lo0 alias 127.0.0.2 up' }
}

/** Null if one can listen on this address, else why not. */
function listenFailure(address: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', (error) => resolve(error.message))
    server.listen(0, address, () => server.close(() => resolve(null)))
  })
}

async function chromiumFinding(): Promise<Finding> {
  const version = await firstVersion(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'])
  return version !== null
    ? { name: 'chromium', state: 'ok', found: version }
    : { name: 'chromium', state: 'missing', found: 'none on the PATH', costs: 'no pictures of reports; reports themselves open in any browser', get: 'Debian: apt-get install chromium' }
}

async function mmdebstrapFinding(): Promise<Finding> {
  const version = await firstVersion(['mmdebstrap'])
  return version !== null
    ? { name: 'mmdebstrap', state: 'ok', found: version }
    : { name: 'mmdebstrap', state: 'missing', found: 'not on the PATH', costs: 'nothing where the public base image can be had; else no member image can be made', get: 'Debian: apt-get install mmdebstrap' }
}

/** The first line that one of these programs prints for --version, or null where none runs. */
async function firstVersion(programs: readonly string[]): Promise<string | null> {
  for (const program of programs) {
    try {
      const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 10_000 })
      return stdout.trim().split('\n')[0]!
    } catch {
      continue
    }
  }
  return null
}
