import fc from 'fast-check'
import t from 'tap'
import { checkRegistration } from './registration.ts'
import { faultsText } from './testing-polls.ts'
import { servicesText } from './testing-services.ts'

const members = ['n1', 'n2', 'n3']
/** A push takes up to 2 s in peace; after trouble 69 s for one that failed, 159 s for all else. */
const judge = (history: string, faults = '') => checkRegistration({ history: servicesText(history), faults: faultsText(faults), members, pushMs: 2000, stallMs: null })

const rejected: readonly { readonly what: string, readonly history: string, readonly faults?: string, readonly title: RegExp, readonly says: RegExp }[] = [
  {
    what: 'a registration is never seen', title: /^s1 is registered, and not there/, says: /n2, in a consistent read .* does not show it.*\n.*to be read within 2 s/,
    history: `1 1.1 n1 register s1 api
              4 4.1 n2 sees api`,
  },
  {
    what: 'it is seen, and then not any more', title: /^s1 is registered, and not there/, says: /registered at n1 at 1\.000 s, acknowledged 1\.100 s/,
    history: `1 1.1 n1 register s1 api
              2 2.1 n2 sees api s1
              9 9.1 n3 sees api`,
  },
  {
    what: 'it stays though it was deregistered', title: /^s1 is there, and was deregistered/, says: /deregistered at 5\.000 s/,
    history: `1 1.1 n1 register s1 api
              5 5.1 n1 deregister s1
              8 8.1 n2 sees api s1`,
  },
  {
    what: 'it goes and comes back', title: /^s1 is there, and was deregistered/, says: /n3, in a consistent read/,
    history: `1 1.1 n1 register s1 api
              5 5.1 n1 deregister s1
              6 6.1 n2 sees api
              20 20.1 n3 sees api s1`,
  },
  {
    what: 'it comes back in trouble though it was gone in peace', title: /^s1 is there, and was deregistered/, says: /That was the last peace/,
    history: `1 1.1 n1 register s1 api
              5 5.1 n1 deregister s1
              25 25.1 n2 sees api s1`, faults: 'kill n1 from 10 to 20',
  },
  {
    what: 'a push that failed is never made up for', title: /^s1 is registered, and not there/, says: /69 s are allowed/,
    history: `12 12.1 n1 register s1 api
              92 92.1 n2 sees api`, faults: 'partition n1 from 10 to 20 {"links":["n1>n2"],"traffic":"all"}',
  },
  {
    what: 'a removal that failed is never made up for', title: /^s1 is there, and was deregistered/, says: /159 s for all else/,
    history: `1 1.1 n1 register s1 api
              12 12.1 n1 deregister s1
              190 190.1 n2 sees api s1`, faults: 'partition n1 from 10 to 20 {"links":["n1>n2"],"traffic":"all"}',
  },
  {
    what: 'a check passes after its TTL', title: /^s1 is passing, and cannot be/, says: /last reported passing at 2\.000 s/,
    history: `1 1.1 n1 register s1 api ttl 3
              2 2.1 n1 report s1 passing
              9 9.1 n2 sees api s1`,
  },
  {
    what: 'a check is critical though it was reported', title: /^s1 is critical, and cannot be/, says: /it was passing only/,
    history: `1 1.1 n1 register s1 api ttl 30
              2 2.1 n1 report s1 passing
              6 6.1 n2 sees api s1=critical`,
  },
  {
    what: 'a report is not reflected', title: /^s1 is passing, and cannot be/, says: /it was warning only/,
    history: `1 1.1 n1 register s1 api ttl 30
              2 2.1 n1 report s1 passing
              4 4.1 n1 report s1 warning
              9 9.1 n2 sees api s1`,
  },
  {
    what: 'a service without a check is not healthy', title: /^s1 is critical/, says: /passing only/,
    history: `1 1.1 n1 register s1 api
              6 6.1 n2 sees api s1=critical`,
  },
  { what: 'somebody nobody registered', title: /^s9 was never so/, says: /nobody ever registered it/, history: '1 1.1 n1 register s1 web\n2 2.1 n2 sees api s9' },
  { what: 'one whose registration certainly failed', title: /^s1 was never so/, says: /certainly did not happen/, history: '1 1.1! n1 register s1 api\n2 2.1 n1 register s2 api\n2 2.1 n2 sees api s1' },
  { what: 'one that is registered only later', title: /^s1 was never so/, says: /registered later/, history: '1 1.1 n2 sees api s1\n2 2.1 n1 register s1 api' },
  { what: 'one on another node', title: /^s1 was never so/, says: /registered as api on n1 with port 1/, history: '1 1.1 n1 register s1 api\n2 2.1 n2 sees api s1@n3' },
  { what: 'one under another name', title: /^s1 was never so/, says: /registered as web/, history: '1 1.1 n1 register s1 web\n2 2.1 n2 sees api s1' },
  {
    what: 'a follower shows what was removed', title: /^s1 is there, and was deregistered/, says: /n3, in a stale read/,
    history: `1 1.1 n1 register s1 api
              5 5.1 n1 deregister s1
              9 9.1 n2 sees api
              9 9.1 n3 sees-stale api s1`,
  },
  {
    what: 'a node is critical in peace', title: /^n1 is critical, and nothing is broken/, says: /n3, in a stale read/,
    history: `1 1.1 n1 register s1 api
              5 5.1 n3 sees-stale api s1/critical`,
  },
  {
    what: 'DNS gives one that is critical', title: /^DNS gives n1:1, which is not healthy/, says: /it was critical only/,
    history: `1 1.1 n1 register s1 api ttl 30
              6 6.1 n2 sees api s1=critical
              6 6.1 n2 dns api s1`,
  },
  {
    what: 'DNS gives one that is gone', title: /^DNS gives n1:1/, says: /n3's DNS of api/,
    history: `1 1.1 n1 register s1 api
              5 5.1 n1 deregister s1
              9 9.1 n2 sees api
              9 9.1 n3 dns api s1`,
  },
  {
    what: 'DNS does not give one that is healthy', title: /^s1 is healthy, and DNS does not give it/, says: /gives nothing/,
    history: `1 1.1 n1 register s1 api
              6 6.1 n2 sees api s1
              6 6.1 n2 dns api`,
  },
]

for (const { what, history, faults, title, says } of rejected) {
  t.test(`rejected: ${what}`, async (t) => {
    const { verdict, evidence } = judge(history, faults)
    t.equal(verdict, 'invalid')
    const found = evidence.find((one) => title.test(one.title))
    t.ok(found, evidence.map((one) => one.title).join('\n'))
    t.match(found?.explanation.join('\n'), says)
    t.ok((found?.eventIndexes.length ?? 0) >= 2)
  })
}

const accepted: readonly { readonly what: string, readonly history: string, readonly faults?: string }[] = [
  {
    what: 'a life as it should be',
    history: `1 1.1 n1 register s1 api ttl 3
              3.2 3.3 n2 sees api s1=critical
              4 4.1 n1 report s1 passing
              6.2 6.3 n2 sees api s1
              9.2 9.3 n3 sees api s1=critical
              10 10.1 n1 deregister s1
              13 13.1 n1 sees api
              13 13.1 n1 dns api`,
  },
  { what: 'not seen yet', history: '1 1.1 n1 register s1 api\n3 3.1 n2 sees api' },
  { what: 'seen before it is acknowledged', history: '1 4 n1 register s1 api\n2 2.1 n2 sees api s1' },
  { what: 'still seen', history: '1 1.1 n1 register s1 api\n5 5.1 n1 deregister s1\n7 7.1 n2 sees api s1' },
  { what: 'gone before that is acknowledged', history: '1 1.1 n1 register s1 api\n5 9 n1 deregister s1\n7 7.1 n2 sees api' },
  {
    what: 'whatever may have been registered is there or not, now or later',
    history: '1 2? n1 register s1 api\n1 1.1 n1 register s2 api\n50 50.1 n2 sees api s2\n60 60.1 n2 sees api s1 s2\n200 200.1 n2 sees api s2',
  },
  {
    what: 'whatever may have been deregistered too, and it may have failed',
    history: '1 1.1 n1 register s1 api\n2 2? n1 deregister s1\n50 50.1 n2 sees api s1\n60 60.1 n3 sees api\n1 1.1 n1 register s2 web\n3 3.1! n1 deregister s2\n60 60.1 n3 sees web s2',
  },
  {
    what: 'a report that may have come counts or not',
    history: '1 1.1 n1 register s1 api ttl 30\n2 2? n1 report s1 passing\n9 9.1 n2 sees api s1\n9 9.1 n3 sees api s1=critical\n500 500.1 n3 sees api s1',
  },
  {
    what: 'a cut-off agent says it later',
    history: `12 12.1 n1 register s1 api
              40 40.1 n2 sees api
              80 80.1 n2 sees api
              100 100.1 n2 sees api s1`, faults: 'partition n1 from 10 to 20 {"links":["n1>n2"],"traffic":"all"}',
  },
  {
    what: 'what was under way lands after it was deregistered, and goes when all is compared',
    history: `11 11.1 n1 register s1 api
              13 13.1 n1 deregister s1
              30 30.1 n2 sees api
              40 40.1 n2 sees api s1
              150 150.1 n2 sees api s1
              190 190.1 n2 sees api`, faults: 'partition n1 from 10 to 20 {"links":["n1>n2"],"traffic":"all"}',
  },
  {
    what: 'a TTL that a clock made early, or a restart late',
    history: `9 9.1 n1 register s1 api ttl 30
              9.2 9.3 n1 report s1 passing
              15 15.1 n2 sees api s1=critical
              9 9.1 n2 register s2 web ttl 30
              9.2 9.3 n2 report s2 passing
              45 45.1 n3 sees web s2`, faults: 'clock n1 from 10 to 20 {"clocks":"all"}',
  },
  {
    what: 'a stale read while something is broken may be of any age',
    history: `1 1.1 n1 register s1 api
              5 5.1 n1 deregister s1
              9 9.1 n2 sees api
              25 25.1 n3 sees-stale api s1`, faults: 'kill n3 from 12 to 20',
  },
  {
    what: 'who lost its disk lost its services',
    history: `1 1.1 n1 register s1 api
              40 40.1 n2 sees api
              300 300.1 n2 sees api`, faults: 'damage n1 from 10 to 20',
  },
  {
    what: 'a gossip-only cut fails the node, and DNS leaves it out; the catalog goes on',
    history: `1 1.1 n1 register s1 api
              25 25.1 n2 sees api s1/critical
              25 25.1 n2 dns api`, faults: 'partition n1 from 10 to 20 {"links":["n1>n2"],"traffic":"gossip"}',
  },
]

for (const { what, history, faults } of accepted) {
  t.test(`accepted: ${what}`, async (t) => {
    const { verdict, summary, evidence } = judge(history, faults)
    t.equal(verdict, 'valid', `${summary}\n${JSON.stringify(evidence, null, 1)}`)
  })
}

t.test('a gossip-only cut does not excuse the catalog', async (t) => {
  const { verdict } = judge('12 12.1 n1 register s1 api\n16 16.1 n2 sees api', 'partition n1 from 10 to 20 {"links":["n1>n2"],"traffic":"gossip"}')
  t.equal(verdict, 'invalid')
})

t.test('nothing to check is unknown, and DNS that was not asked is said', async (t) => {
  t.equal(judge('1 1.1! n1 register s1 api\n2 2.1 n2 sees api').verdict, 'unknown')
  t.equal(judge('1 1.1 n1 register s1 api').verdict, 'unknown')
  t.match(judge('1 1.1 n1 register s1 api\n2 2.1 n2 sees api s1').summary, /DNS was not compared/)
  t.match(judge('1 1.1 n1 register s1 api\n2 2.1 n2 sees api s1\n2 2.1 n2 dns api s1').summary, /1 of 1 DNS answers were compared/)
})

t.test('a history that is not this workload\'s is refused', async (t) => {
  t.throws(() => judge('1 1.1 n1 register s1 api\n2 2.1 n1 register s1 api'), /registered twice/)
  t.throws(() => judge('2 2.1 n1 deregister s1'), /never registered/)
})

const arbitraryLife = fc.record({
  register: fc.constantFrom('', '?', '!'), node: fc.nat(2), at: fc.integer({ min: 0, max: 20 }), ttl: fc.option(fc.integer({ min: 2, max: 9 })),
  report: fc.option(fc.constantFrom('passing', 'warning', 'critical')), gone: fc.option(fc.constantFrom('', '?', '!')),
})
const arbitraryRead = fc.record({ at: fc.integer({ min: 0, max: 200 }), member: fc.nat(2), verb: fc.constantFrom('sees', 'sees-stale', 'dns'), shown: fc.array(fc.record({ id: fc.nat(3), status: fc.constantFrom('', '=critical', '=warning') }), { maxLength: 4 }) })

t.test('names, and the numbers of workers, never change a verdict', async () => {
  const property = fc.property(
    fc.array(arbitraryLife, { minLength: 1, maxLength: 4 }), fc.array(arbitraryRead, { maxLength: 8 }), fc.boolean(), fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.nat(100),
    (lives, reads, broken, order, offset) => {
      const verdictWith = (rename: (i: number) => number, name: string, processOf: (process: number) => number) => {
        const lines = lives.flatMap(({ register, node, at, ttl, report, gone }, i) => {
          const id = `s${rename(i)}`
          const sure = register === ''
          return [
            `${at} ${at + 0.5}${register} n${node + 1} register ${id} ${name}${ttl === null ? '' : ` ttl ${ttl}`}`,
            ...sure && report !== null && ttl !== null ? [`${at + 1} ${at + 1.5} n${node + 1} report ${id} ${report}`] : [],
            ...sure && gone !== null ? [`${at + 5} ${at + 5.5}${gone} n${node + 1} deregister ${id}`] : [],
          ]
        })
        for (const { at, member, verb, shown } of reads) {
          const ids = [...new Map(shown.map((one) => [one.id, one])).values()]
          lines.push(`${at} ${at + 0.1} n${member + 1} ${verb} ${name} ${ids.map(({ id, status }) => `s${rename(id)}${verb === 'dns' ? '' : status}`).join(' ')}`)
        }
        const history = servicesText(lines.join('\n')).map((event) => ({ ...event, process: processOf(event.process) }))
        return checkRegistration({ history, faults: faultsText(broken ? 'kill n1 from 30 to 40' : ''), members, pushMs: 2000, stallMs: null })
      }
      const plain = verdictWith((i) => i, 'api', (process) => process)
      const renamed = verdictWith((i) => order[i]! + 20, 'web', (process) => 500 + offset - process)
      return plain.verdict === renamed.verdict && plain.details['findings'] === renamed.details['findings']
    })
  fc.assert(property, { numRuns: 200, seed: 5 })
})
