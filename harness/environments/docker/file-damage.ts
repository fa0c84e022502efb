import type { DataFiles } from '../deployment.ts'
import type { DamageFiles, FileDamage } from '../environment.ts'
import { messageOf } from './engine.ts'

export interface DamagePorts {
  readonly isRunning: (member: string) => Promise<boolean>
  /** Runs a script with the member's data at /data. */
  readonly besideData: (member: string, script: string) => Promise<string>
  readonly files: DataFiles
  readonly randomSeed: () => number
}

/** Damages files of members that are dead; the next start shows what the member makes of it. */
export class FileDamager implements DamageFiles {
  readonly #ports: DamagePorts

  constructor(ports: DamagePorts) {
    this.#ports = ports
  }

  async damage(member: string, damage: FileDamage, fraction: number): Promise<unknown> {
    const { isRunning, besideData, files, randomSeed } = this.#ports
    if (await isRunning(member)) throw new Error(`${member} runs: only the files of a dead member are damaged`)
    const bytes = damage.kind === 'truncate' ? damage.bytes : 0
    try {
      const printed = (await besideData(member, `cd /data && shopt -s globstar nullglob
        files=(); for file in ${files[damage.in]}; do test -f "$file" && test -s "$file" && files+=("$file"); done
        test \${#files[@]} -gt 0 || { echo none; exit 0; }
        last="\${files[-1]}"; before=$(sha256sum "$last")
        python3 /opt/splitbrain/disk-agent.py damage ${randomSeed()} ${fraction} ${damage.kind} ${bytes} "$last"
        test "$before" != "$(sha256sum "$last")" || { echo 'the file reads as before'; exit 1; }`)).trim()
      if (printed === 'none') return null
      const [file, used, at, sizeAfter] = printed.split(' ')
      return { file, usedBytesBefore: Number(used), atByte: Number(at), sizeBytesAfter: Number(sizeAfter) }
    } catch (error) {
      throw new Error(`A file of ${member} could not be damaged: ${messageOf(error)}`, { cause: error })
    }
  }
}
