import { randomBytes } from 'node:crypto'
import type { DiskTrouble, Effect } from '../environment.ts'
import { runBeside } from './beside.ts'
import { ControlShell } from './control-shell.ts'
import { messageOf, type Engine } from './engine.ts'
import type { MemberContainer } from './member-container.ts'
import { memberPaths } from './member-command.ts'

/** A member's whole data. The image has holes, so what is not used takes no room; etcd begins with 64 MiB files. */
const sizeMiB = 512
const journalMiB = 8
/** So long nothing is written on its own accord; what is synced is written at once. */
const commitS = 3600
/** Loop devices and their control, in the engine's words. */
export const loopDeviceRules: readonly string[] = ['b 7:* rwm', 'c 10:237 rwm']
const agent = 'python3 /opt/splitbrain/disk-agent.py'
const shellTimeoutMs = 60_000
/** The kernel lets a tenth of a second's writes pass at once, so the probe takes longer than that. */
const slowProbeMs = 1_500
const slowProbesMax = 60
const fillFile = '.splitbrain-fill'
/** Of filling what a member frees meanwhile: snapshots and old segments of a log, a few at the most. */
const fillRounds = 5
const mib = 1024 ** 2

/**
 * Disks for members: each is an ext4 file system on a loop device over an image
 * file, mounted by the engine as the member's volume. A power cut freezes the
 * member, keeps what is in the image at that moment (which is what was synced: the
 * rest is in the kernel's memory), kills the member, and when the engine has
 * unmounted the disk makes the image that again. The next mount replays ext4's
 * journal, as after any power cut. Nothing of it is in the member, so it works for every program.
 *
 *     volume splitbrain-RUN-disks: n1.img ◄── /dev/loop7 ◄── n1.dev (a link)
 *     volume splitbrain-RUN-n1-disk: ext4 on …/n1.dev
 *
 * The container that made the loop devices holds them; they go by themselves
 * when it and the mounts are gone, so a killed harness leaves only containers and volumes to reap.
 */
export class MemberDisks {
  readonly #engine: Engine
  readonly #image: string
  readonly #labels: Record<string, string>
  readonly #runName: string
  readonly #shell: ControlShell
  readonly #troubled = new Map<string, DiskTrouble['kind']>()
  readonly #kinds: DiskTrouble['kind'][] = ['full']

  private constructor(engine: Engine, image: string, labels: Record<string, string>, runName: string, shell: ControlShell) {
    this.#engine = engine
    this.#image = image
    this.#labels = labels
    this.#runName = runName
    this.#shell = shell
  }

  /**
   * Makes a disk for each member and proves that one mounts. Rejects where the
   * engine has no loop devices to give (rootless, some virtual machines); what was made is then the reaper's.
   */
  static async make(engine: Engine, image: string, labels: Record<string, string>, runName: string, members: readonly string[], say: (line: string) => void): Promise<MemberDisks> {
    const imagesVolume = `${runName}-disks`
    await engine.docker.createVolume({ Name: imagesVolume, Labels: labels })
    const { Mountpoint: imagesPath } = await engine.docker.getVolume(imagesVolume).inspect()
    const container = await engine.docker.createContainer({
      name: imagesVolume, Image: image, Labels: labels, Cmd: ['sleep', 'infinity'],
      HostConfig: {
        NetworkMode: 'none', CapAdd: ['SYS_ADMIN'],
        DeviceCgroupRules: [...loopDeviceRules],
        // The cgroups are for the rate of writes.
        Binds: [`${imagesVolume}:/disks`, '/sys/fs/cgroup:/host-cgroup:rw'],
      },
    })
    await container.start()
    const disks = new MemberDisks(engine, image, labels, runName, new ControlShell(engine, container.id))
    try {
      await disks.#shell.run('mknod /dev/loop-control c 10 237 2>/dev/null; test -e /dev/loop-control', shellTimeoutMs)
      for (const member of members) {
        await disks.#shell.run(attachScript(member), shellTimeoutMs)
        await engine.docker.createVolume({
          Name: disks.volumeOf(member), Labels: labels, Driver: 'local',
          DriverOpts: { type: 'ext4', device: `${imagesPath}/${member}.dev`, o: `commit=${commitS}` },
        })
      }
      await disks.#beside(members[0]!, 'mountpoint -q /data')
      await disks.#tryTroubles(members[0]!, say)
      return disks
    } catch (error) {
      disks.close()
      throw error
    }
  }

  /** What can be wrong with a disk here. */
  get kinds(): readonly DiskTrouble['kind'][] {
    return this.#kinds
  }

  volumeOf(member: string): string {
    return `${this.#runName}-${member}-disk`
  }

  close(): void {
    this.#shell.close()
  }

  /** Kills a member as a power cut does. Does nothing to a dead one, whose disk has been unmounted. @returns what was lost. */
  async cutPower(member: string, container: MemberContainer, torn: { readonly seed: number } | null): Promise<string> {
    const { running, paused } = await container.state()
    if (!running) return 'it was dead'
    if (!paused) await container.freeze()
    if (torn !== null) await this.#beside(member, `rm -rf /disks/${member}.after && cp -a /data /disks/${member}.after`, [`${this.#runName}-disks:/disks`])
    await this.#shell.run(`cp --sparse=always /disks/${member}.img /disks/${member}.before`, shellTimeoutMs)
    await container.kill()
    const lost = (await this.#shell.run(
      `${agent} restore "$(readlink /disks/${member}.dev)" /disks/${member}.img /disks/${member}.before && rm /disks/${member}.before`, shellTimeoutMs)).trim()
    if (torn === null) return lost
    const stayed = await this.#beside(member, `${agent} tear ${torn.seed} /data /disks/${member}.after && rm -rf /disks/${member}.after`, [`${this.#runName}-disks:/disks`])
    return `${lost}; ${stayed.trim()}`
  }

  /** Makes the disk of a member full, slow or read-only while it runs. One trouble at a time on a disk. */
  async trouble(member: string, container: MemberContainer, trouble: DiskTrouble): Promise<Effect> {
    const other = this.#troubled.get(member)
    if (other !== undefined) throw new Error(`The disk of ${member} is ${other} already`)
    this.#troubled.set(member, trouble.kind)
    let healed = false
    const heal = async () => {
      if (healed) return null
      try {
        const seen = await this.#relieve(member, container, trouble)
        healed = true
        this.#troubled.delete(member)
        return seen
      } catch (error) {
        throw new Error(`The disk of ${member} is still ${trouble.kind}: ${messageOf(error)}`, { cause: error })
      }
    }
    try {
      return { observed: await this.#bring(member, container, trouble), heal }
    } catch (error) {
      await heal().catch(() => {})
      throw new Error(`The disk of ${member} could not be made ${trouble.kind}: ${messageOf(error)}`, { cause: error })
    }
  }

  /** Adds what works to `kinds`, and says what does not. */
  async #tryTroubles(member: string, say: (line: string) => void): Promise<void> {
    const trying: readonly (readonly [DiskTrouble['kind'], () => Promise<unknown>])[] = [
      ['slow', () => this.#shell.run(`test -e /host-cgroup/blkio/blkio.throttle.write_iops_device || grep -qw io /host-cgroup/cgroup.controllers \\
        || { echo 'the cgroups of the engine do not limit writes'; false; }`)],
      ['read-only', () => this.#beside(member, 'cd /data && touch .try && chattr +i .try && chattr -i .try && rm .try', [], ['LINUX_IMMUTABLE'])],
    ]
    for (const [kind, tryIt] of trying) {
      await tryIt().then(() => this.#kinds.push(kind), (error: unknown) => say(`disks cannot be made ${kind} in these containers: ${messageOf(error)}`))
    }
  }

  async #bring(member: string, container: MemberContainer, trouble: DiskTrouble): Promise<unknown> {
    switch (trouble.kind) {
      case 'full': {
        // Most of it at once, then single blocks, so that not even a small write finds room; again where the member
        // has deleted a file in the midst of it, whose blocks are free once the journal is written.
        const seen = parseProbe(await this.#beside(member, `cd /data
          fallocate -l $(( $(df --output=avail -B 1 . | tail -n 1) / ${mib} * ${mib} )) ${fillFile}
          for round in $(seq ${fillRounds}); do
            dd if=/dev/zero bs=4096 oflag=append conv=notrunc of=${fillFile}.rest 2>/dev/null; sync -f .
            seen=$(${agent} probe /data 1); case $seen in *ENOSPC*) break;; esac
          done
          echo "$seen"`))
        if (seen.refused !== 'ENOSPC') throw new Error(`a write ${describe(seen)}`)
        return { write: seen.refused }
      }
      case 'read-only': {
        // A file system with open files cannot be remounted so; files that may not be changed refuse writes all the same.
        const seen = parseProbe(await this.#beside(member, `chattr -R +i /data && ${agent} probe /data 1`, [], ['LINUX_IMMUTABLE']))
        if (seen.refused === undefined) throw new Error(`a write ${describe(seen)}`)
        const files = (await this.#beside(member, 'lsattr -R /data 2>/dev/null | grep -c -- "-i-" || true')).trim()
        return { write: seen.refused, immutableFiles: Number(files) }
      }
      case 'slow': {
        await this.#throttle(member, container, Math.max(1, Math.round(1000 / trouble.syncMs)))
        const seen = await this.#syncMs(container, trouble.syncMs)
        if (seen < trouble.syncMs * 0.5) throw new Error(`a sync in its container takes ${seen} ms`)
        return { syncMs: seen }
      }
      default: return trouble satisfies never
    }
  }

  async #relieve(member: string, container: MemberContainer, trouble: DiskTrouble): Promise<unknown> {
    switch (trouble.kind) {
      case 'full': case 'read-only': {
        const script = trouble.kind === 'full' ? `rm -f /data/${fillFile} /data/${fillFile}.rest` : 'chattr -R -i /data'
        const seen = parseProbe(await this.#beside(member, `${script} && ${agent} probe /data 1`, [], ['LINUX_IMMUTABLE']))
        if (seen.refused !== undefined) throw new Error(`a write ${describe(seen)}`)
        return { syncMs: seen.tookMs }
      }
      case 'slow': {
        if (!(await container.state()).running) return { running: false }
        await this.#throttle(member, container, null)
        const seen = await this.#syncMs(container, trouble.syncMs)
        if (seen > Math.max(50, trouble.syncMs * 0.7)) throw new Error(`a sync in its container takes ${seen} ms`)
        return { syncMs: seen }
      }
      default: return trouble satisfies never
    }
  }

  /** Ms of a sync within the limits of the member's own container. */
  async #syncMs(container: MemberContainer, syncMs: number): Promise<number> {
    const count = Math.max(4, Math.min(slowProbesMax, Math.ceil(slowProbeMs / syncMs)))
    const shell = new ControlShell(this.#engine, container.id)
    try {
      const seen = parseProbe(await shell.run(`${agent} probe ${memberPaths.data} ${count}`, shellTimeoutMs))
      if (seen.tookMs === undefined) throw new Error(`a write ${describe(seen)}`)
      return seen.tookMs
    } finally {
      shell.close()
    }
  }

  /**
   * Bounds how many writes a second the member's cgroup gets to its loop device, or none: a sync is a
   * write at least, so each waits its turn. Reads and what is not synced are as fast as ever.
   */
  async #throttle(member: string, container: MemberContainer, writesPerS: number | null): Promise<void> {
    await this.#shell.run(`number=$(readlink /disks/${member}.dev); device=7:\${number#/dev/loop}
      legacy=$(find /host-cgroup/blkio -type d -name '*${container.id}*' 2>/dev/null | head -n 1)
      unified=$(find /host-cgroup -maxdepth 4 -type d -name '*${container.id}*' -exec test -e '{}/io.max' ';' -print 2>/dev/null | head -n 1)
      if test -n "$legacy"; then file=$legacy/blkio.throttle.write_iops_device; echo "$device ${writesPerS ?? 0}" > "$file"
      elif test -n "$unified"; then file=$unified/io.max; echo "$device wiops=${writesPerS ?? 'max'}" > "$file"
      else echo 'its cgroup has no limit of writes' >&2; false; fi \\
      && ${writesPerS === null ? '! ' : ''}grep -q "^$device .*${writesPerS ?? '[0-9]'}" "$file" || { echo "its cgroup says: $(cat "$file")"; false; }`)
  }

  #beside(member: string, script: string, binds: readonly string[] = [], capabilities: readonly string[] = []): Promise<string> {
    return runBeside(this.#engine, { image: this.#image, labels: this.#labels, script, binds: [`${this.volumeOf(member)}:/data`, ...binds], capabilities })
  }
}

/** Makes an image and attaches it. Another run may take the same free device at the same time, so it is tried again. */
function attachScript(member: string): string {
  const marker = randomBytes(4).toString('hex')
  return `cd /disks && truncate -s ${sizeMiB}M ${member}.img \\
    && mkfs.ext4 -q -F -b 4096 -m 0 -J size=${journalMiB} -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 ${member}.img \\
    && debugfs -w -R 'rmdir lost+found' ${member}.img 2>/dev/null
    done_${marker}=
    for attempt in 1 2 3 4 5 6 7 8; do
      device=$(losetup -f) || break
      test -e "$device" || mknod "$device" b 7 "\${device#/dev/loop}"
      losetup "$device" ${member}.img 2>/dev/null || { sleep 0.1; continue; }
      # Held by a process of this container, then told to go with its last user.
      exec 9<>"$device" && losetup -d "$device" && { setsid sleep infinity >/dev/null 2>&1 & } && exec 9>&-
      ln -sfn "$device" ${member}.dev && done_${marker}=yes
      break
    done
    test -n "$done_${marker}" || { echo "no loop device could be had: $(losetup -f 2>&1)"; false; }`
}

interface ProbeSeen {
  readonly tookMs?: number
  /** `ENOSPC`, `EPERM`, … */
  readonly refused?: string
}

function parseProbe(printed: string): ProbeSeen {
  const match = /^(took|refused) (\S+)$/m.exec(printed)
  if (match === null) throw new Error(`the probe of the disk printed ${JSON.stringify(printed)}`)
  return match[1] === 'took' ? { tookMs: Number(match[2]) } : { refused: match[2]! }
}

function describe({ tookMs, refused }: ProbeSeen): string {
  return refused === undefined ? `succeeds, in ${tookMs} ms` : `fails with ${refused}`
}
