import { statfsSync } from 'node:fs'
import os from 'node:os'

/** The machine, for `/v1/agent/host`: what Node knows of it, under Consul's names. */
export function hostInfo(): object {
  const [total, free] = [os.totalmem(), os.freemem()]
  const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync('/')
  const used = (blocks - bfree) * bsize
  const percent = (part: number, whole: number) => whole === 0 ? 0 : part / whole * 100
  return {
    Memory: { total, available: os.freemem(), used: total - free, usedPercent: percent(total - free, total), free },
    CPU: os.cpus().map(({ model, speed }, cpu) => ({ cpu, modelName: model, mhz: speed, cores: 1 })),
    Host: {
      hostname: os.hostname(), uptime: Math.trunc(os.uptime()), bootTime: Math.trunc(Date.now() / 1000 - os.uptime()),
      os: os.platform(), platform: os.type().toLowerCase(), kernelVersion: os.release(), kernelArch: os.machine(),
    },
    Disk: {
      path: '/', total: blocks * bsize, free: bavail * bsize, used, usedPercent: percent(used, used + bavail * bsize),
      inodesTotal: files, inodesUsed: files - ffree, inodesFree: ffree, inodesUsedPercent: percent(files - ffree, files),
    },
    CollectionTime: Date.now() * 1e6, Errors: null,
  }
}
