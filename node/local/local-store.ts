import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Log } from '../base/log.ts'
import type { CheckStatus, ServiceDefinition } from '../state/catalog-types.ts'
import type { Disk } from '../storage/disk.ts'
import type { CheckSpec } from './definitions.ts'

/** What a check was when it was last kept: a TTL check goes on from there. */
export interface StoredCheck {
  readonly spec: CheckSpec
  readonly status: CheckStatus
  readonly output: string
}

/**
 * The agent's services and checks on its own disk, one file each, named by the
 * hash of the id, since an id may be anything. Durable on return.
 */
export class LocalStore {
  readonly #disk: Disk
  readonly #log: Log

  constructor(disk: Disk, log: Log) {
    this.#disk = disk
    this.#log = log
  }

  /** A file that cannot be read is left alone and reported: the others are still good. */
  load(): { readonly services: ServiceDefinition[], readonly checks: StoredCheck[] } {
    const services: ServiceDefinition[] = []
    const checks: StoredCheck[] = []
    for (const name of this.#disk.list()) {
      try {
        const value = decode(Buffer.from(this.#disk.read(name)).toString('utf8'))
        if (name.startsWith('service-') && isService(value)) services.push(value)
        else if (name.startsWith('check-') && isCheck(value)) checks.push(value)
        else throw new Error('it holds neither a service nor a check')
      } catch (error) {
        this.#log.warn('cannot take up a kept service or check', { file: name, reason: (error as Error).message })
      }
    }
    return { services, checks }
  }

  putService(service: ServiceDefinition): void {
    this.#write(fileOf('service', service.id), service)
  }

  putCheck(check: StoredCheck): void {
    const { spec, status, output } = check
    this.#write(fileOf('check', spec.checkId), { spec, status, output })
  }

  removeService(id: string): void {
    this.#disk.remove(fileOf('service', id))
  }

  removeCheck(id: string): void {
    this.#disk.remove(fileOf('check', id))
  }

  #write(name: string, value: object): void {
    this.#disk.replace(name, Buffer.from(encode(value)))
  }
}

/** The checksum in hexadecimal, a space, and JSON: a port with one digit changed is JSON too. */
function encode(value: object): string {
  const text = JSON.stringify(value)
  return `${checksum(text)} ${text}`
}

/** Throws where the bytes are not those that were written. */
function decode(content: string): unknown {
  const text = content.slice(9)
  if (content.slice(0, 9) !== `${checksum(text)} `) throw new Error('its checksum does not match: the file is damaged')
  return JSON.parse(text)
}

const checksum = (text: string) => crc32(text).toString(16).padStart(8, '0')

function fileOf(kind: 'service' | 'check', id: string): string {
  return `${kind}-${hash('sha256', id, 'hex').slice(0, 32)}`
}

/** Only this program writes these files, whole: it is enough to tell them from others. */
function isService(value: unknown): value is ServiceDefinition {
  const service = value as Partial<ServiceDefinition> | null
  return typeof service?.id === 'string' && typeof service.name === 'string' && Array.isArray(service.tags) && typeof service.weights === 'object'
}

function isCheck(value: unknown): value is StoredCheck {
  const check = value as Partial<StoredCheck> | null
  return typeof check?.spec?.checkId === 'string' && typeof check.spec.method?.kind === 'string' && typeof check.status === 'string' && typeof check.output === 'string'
}
