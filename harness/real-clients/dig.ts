/** Debian's `dig` as a client of DNS, and what it prints as values. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Dig {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
}

/** One answer as dig prints it; records with single spaces, in the order in which they came. */
export interface DigAnswer {
  /** `NOERROR`, `NXDOMAIN`, …; null: no message came. */
  readonly status: string | null
  /** `qr aa rd`. */
  readonly flags: string
  readonly answer: readonly string[]
  readonly authority: readonly string[]
  readonly additional: readonly string[]
  /** Of the OPT record, `version: 0, flags:; udp: 1232`; null without. */
  readonly edns: string | null
  /** How the message came that is shown. */
  readonly transport: 'UDP' | 'TCP' | null
  /** All that dig printed. */
  readonly text: string
}

/** Asks the server at port 8600 of `host`; `args` as for dig: `redis.service.consul`, `SRV`, `+tcp`. One answer for each name in them. */
export async function dig({ path, env }: Dig, host: string, args: readonly string[]): Promise<readonly DigAnswer[]> {
  // Without a server that answers it ends with 9, and has said so.
  const { stdout } = await run(path, [`@${host}`, '-p', '8600', '+time=5', '+tries=2', ...args], { env, timeout: 60_000, maxBuffer: 1 << 26 })
    .catch((error: Error & { stdout?: string }) => {
      if (error.stdout === undefined) throw error
      return { stdout: error.stdout }
    })
  return stdout.split(/(?=^;; ->>HEADER<<-)/m).slice(1).map(parse)
}

function parse(text: string): DigAnswer {
  const records = (section: string) => {
    const [, body = ''] = new RegExp(`^;; ${section} SECTION:\\n([^]*?)\\n(?=\\n|;)`, 'm').exec(`${text}\n\n`) ?? []
    return body.split('\n').filter((line) => line !== '').map((line) => line.replace(/\s+/g, ' '))
  }
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? null,
    flags: /^;; flags: ([^;]*);/m.exec(text)?.[1] ?? '',
    answer: records('ANSWER'),
    authority: records('AUTHORITY'),
    additional: records('ADDITIONAL'),
    edns: /^; EDNS: (.*)$/m.exec(text)?.[1] ?? null,
    transport: (/^;; SERVER: .*\((UDP|TCP)\)$/m.exec(text)?.[1] ?? null) as DigAnswer['transport'],
    text,
  }
}

/** For comparisons: without order, and without what is the time of day. */
export function plainAnswer({ status, flags, answer, authority, additional, edns }: DigAnswer): string {
  const section = (name: string, records: readonly string[]) => records.map((record) => `${name} ${record.replace(/( SOA \S+ \S+) \d+ /, '$1 SERIAL ')}`).sort()
  return [`${status} ${flags}`, ...section('answer', answer), ...section('authority', authority), ...section('additional', additional), ...edns === null ? [] : [`edns ${edns}`]].join('\n')
}
