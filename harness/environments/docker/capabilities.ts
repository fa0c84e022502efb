import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { runBeside, type BesideOptions } from './beside.ts'
import { withDeadline } from './deadline.ts'
import { connectEngine, messageOf, type Engine } from './engine.ts'
import { hasImage, publicBase } from './image/base-image.ts'
import { memberImageTag } from './image/member-image.ts'
import { ownerLabels } from '../owner.ts'
import { loopDeviceRules } from './member-disks.ts'
import { removeRun } from './reap.ts'

/** For a person: what containers on this engine can do. */
export interface DockerCapabilities {
  readonly engine: Pick<Engine, 'version' | 'operatingSystem' | 'architecture' | 'rootless'>
  /** Whether containers are reached at their own addresses. */
  readonly routable: boolean
  /** Whether the public base image is here, can be pulled, or why not. */
  readonly baseImage: 'present' | 'pullable' | { readonly missing: string }
  readonly memberImage: { readonly tag: string, readonly built: boolean }
  /** Null where the member image is not built, so that nothing could be tried. */
  readonly kernel: Readonly<Record<KernelFeature, FeatureState>> | null
}

export type KernelFeature = 'iptables' | 'statistic' | 'length' | 'hashlimit' | 'nfqueue' | 'skewed-clock' | 'loop-disk'
export type FeatureState = 'works' | { readonly missing: string }

const registryProbeMs = 5_000
const probeTimeoutMs = 30_000

/** Each is tried for real, in a container like a member's: a module's name in a list proves nothing. */
const featureCommands: Readonly<Record<KernelFeature, string>> = {
  iptables: '$ipt -A SB-DOCTOR -s 192.0.2.1 -j DROP',
  statistic: '$ipt -A SB-DOCTOR -s 192.0.2.1 -m statistic --mode random --probability 0.5 -j DROP',
  length: '$ipt -A SB-DOCTOR -s 192.0.2.1 -m length --length 1000:65535 -j DROP',
  hashlimit: '$ipt -A SB-DOCTOR -s 192.0.2.1 -m hashlimit --hashlimit-above 10/sec --hashlimit-name sb -j DROP',
  // The rule, and the program at its end.
  nfqueue: '$ipt -A SB-DOCTOR -s 192.0.2.1 -j NFQUEUE --queue-num 5 && test "$(echo open | python3 /opt/splitbrain/packet-agent.py)" = null',
  'skewed-clock': `python3 -c 'import struct; open("/tmp/clock", "wb").write(struct.pack("=10q", 0, 1, 4 * 10 ** 17, *[0] * 7).ljust(4096, bytes(1)))' \
    && test "$(SPLITBRAIN_CLOCK=/tmp/clock LD_PRELOAD=/opt/splitbrain/skewed-clock.so date +%Y)" -gt "$(( $(date +%Y) + 10 ))"`,
  'loop-disk': 'mknod /dev/loop-control c 10 237; device=$(losetup -f) && { test -e "$device" || mknod "$device" b 7 "${device#/dev/loop}"; } && truncate -s 1M /tmp/disk && losetup "$device" /tmp/disk && losetup -d "$device"',
}

/** Probes the engine and a throw-away container. Rejects where no engine answers. */
export async function dockerCapabilities(): Promise<DockerCapabilities> {
  const engine = await connectEngine()
  const tag = memberImageTag()
  const built = await hasImage(engine, tag)
  const [baseImage, kernel] = await Promise.all([probeBaseImage(engine), built ? probeKernel(engine, tag) : null])
  return {
    engine,
    routable: process.platform === 'linux' && existsSync('/sys/class/net/docker0') && !engine.rootless,
    baseImage,
    memberImage: { tag, built },
    kernel,
  }
}

async function probeBaseImage(engine: Engine): Promise<DockerCapabilities['baseImage']> {
  if (await hasImage(engine, publicBase)) return 'present'
  try {
    // Asks the registry for the manifest, without a layer.
    await withDeadline(engine.docker.getImage(publicBase).distribution(), registryProbeMs, () => `no answer within ${registryProbeMs / 1000} s`)
    return 'pullable'
  } catch (error) {
    return { missing: oneLine(messageOf(error)) }
  }
}

async function probeKernel(engine: Engine, image: string): Promise<Record<KernelFeature, FeatureState>> {
  const runId = `doctor-${randomBytes(4).toString('hex')}`
  const diskFeatures: readonly KernelFeature[] = ['loop-disk']
  const networkFeatures = (Object.keys(featureCommands) as KernelFeature[]).filter((feature) => !diskFeatures.includes(feature))
  const tried = async (features: readonly KernelFeature[], grants: Pick<BesideOptions, 'capabilities' | 'deviceRules'>) => {
    const script = [
      'ipt=iptables; $ipt -n -L INPUT >/dev/null 2>&1 || ipt=iptables-legacy',
      '$ipt -N SB-DOCTOR 2>/dev/null',
      ...features.map((feature) => `out=$( { ${featureCommands[feature]}; } 2>&1) && echo "${feature}=works" || echo "${feature}=missing $(echo $out)"`),
      'true',
    ].join('\n')
    try {
      const log = await withDeadline(runBeside(engine, { image, labels: ownerLabels(runId), script, ...grants }), probeTimeoutMs, () => `no answer within ${probeTimeoutMs / 1000} s`)
      return features.map((feature) => [feature, stateIn(log, feature)] as const)
    } catch (error) {
      const missing = `the probe container failed: ${oneLine(messageOf(error))}`
      return features.map((feature) => [feature, { missing }] as const)
    }
  }
  try {
    const states = await Promise.all([
      tried(networkFeatures, { capabilities: ['NET_ADMIN'] }),
      // An engine that grants one of these may well refuse the other.
      tried(diskFeatures, { capabilities: ['SYS_ADMIN'], deviceRules: loopDeviceRules }),
    ])
    return Object.fromEntries(states.flat()) as Record<KernelFeature, FeatureState>
  } finally {
    await removeRun(engine, runId)
  }
}

function stateIn(log: string, feature: KernelFeature): FeatureState {
  const match = new RegExp(`^${feature}=(works|missing)(.*)$`, 'm').exec(log)
  return match?.[1] === 'works' ? 'works' : { missing: oneLine(match?.[2] ?? '') || 'it was refused without a reason' }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
