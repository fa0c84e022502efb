import type { HistoryEvent } from '../history/event.ts'

type Event = Exclude<HistoryEvent, { process: 'nemesis' }>

/**
 * A history of services as readable text, for tests. One operation a line, at a
 * member, begun at the first time (seconds) and ended at the second; behind a
 * `?` it ended without being known, behind a `!` it certainly did not happen:
 *
 *     1 1.1 n1 register s1 api        with ` ttl 3` behind it for a check
 *     2 2.1 n1 report s1 passing
 *     3 3.1 n2 sees api s1=critical s2        passing where nothing is said
 *     3 3.1 n2 sees-stale api s1@n3           as if it were on n3
 *     4 4.1 n3 dns api s1
 *     5 5? n1 deregister s1
 *
 * Each operation has a worker of its own; the port of `s7` is 7.
 */
export function servicesText(text: string): Event[] {
  const nodeOf = new Map([...text.matchAll(/(n\d+) register (\S+)/g)].map((match) => [match[2]!, match[1]!]))
  const portOf = (id: string) => Number(id.slice(1))
  const events = text.trim().split('\n').filter((line) => line.trim() !== '').flatMap((line, process) => {
    const [from, end, node, verb, key, ...rest] = line.trim().split(/\s+/) as [string, string, string, string, string, ...string[]]
    const kind = end.endsWith('?') ? 'info' as const : end.endsWith('!') ? 'fail' as const : 'ok' as const
    const instances = rest.map((part) => {
      const [, id, status = 'passing', at, nodeStatus = 'passing'] = /^(\w+)(?:=(\w+))?(?:@(\w+))?(?:\/(\w+))?$/.exec(part) as unknown as [string, string, string?, string?, string?]
      return { id, node: at ?? nodeOf.get(id) ?? 'n1', port: portOf(id), status, nodeStatus }
    })
    const [f, input, output] = ((): [string, unknown, unknown] => {
      switch (verb) {
        case 'register': {
          const value = { id: key, name: rest[0], port: portOf(key), ttlMs: rest[1] === 'ttl' ? Number(rest[2]) * 1000 : null }
          return ['register', value, value]
        }
        case 'report': return ['report', { status: rest[0] }, { status: rest[0] }]
        case 'deregister': return ['deregister', null, null]
        case 'sees': return ['instances', null, { mode: 'consistent', instances }]
        case 'sees-stale': return ['instances', null, { mode: 'stale', instances }]
        case 'dns': return ['dns', null, instances.map(({ node: at, port }) => ({ node: at, port }))]
        default: throw new Error(`no operation: ${line}`)
      }
    })()
    const base = { process, f, key, node }
    return [
      { ...base, type: 'invoke' as const, time: Number(from) * 1e9, value: input },
      { ...base, type: kind, time: Number(end.replace(/[?!]$/, '')) * 1e9, value: kind === 'ok' ? output : input },
    ]
  })
  return events.sort((a, b) => a.time - b.time || Number(b.type === 'invoke') - Number(a.type === 'invoke')).map((event, index) => ({ ...event, index }))
}
