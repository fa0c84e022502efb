import fc from 'fast-check'
import t from 'tap'
import { checkFailureDetection, type DetectionInput } from './failure-detection.ts'
import { gossipTimings } from './swim-bounds.ts'
import { cutLinks, faultsText, pollsText } from './testing-polls.ts'

const members = ['n1', 'n2', 'n3']
/** A probe in 0.5 s and a suspicion of 2 s: silent members are given up within 6 s, news take 1 s, peace is sure after 7 s, all agree again within 77 s. */
const timings = gossipTimings({ gossip_lan: { probe_interval: '500ms', probe_timeout: '200ms', gossip_interval: '100ms' } })
const virtual = { factor: 1, addMs: 0, stallMs: null, latencyMs: 0 }
const judge = (polls: string, faults = '', more: Partial<DetectionInput> = {}) =>
  checkFailureDetection({ history: pollsText(polls), faults: faultsText(faults), members, timings, slack: virtual, ...more })

const leave = JSON.stringify({ kind: 'leave-rejoin', observed: [{ left: 'n3', id: 'x' }] })
const isolated = cutLinks(['n3'], ['n1', 'n2'])

/** What gossip must not do, what it is called, and what a reader is told. */
const rejected: readonly { readonly what: string, readonly polls: string, readonly faults?: string, readonly rule: RegExp, readonly says: RegExp }[] = [
  {
    what: 'a whole member is given up in peace', rule: /^accuracy: n3/, says: /n1 shows n3 failed at 20\.010 s .*\n.*Nothing was broken since 0\.000 s/,
    polls: `0 to 40 every 1: n2 n3 see n1 n2 n3
            0 to 20 every 1: n1 see n1 n2 n3
            20 to 40 every 1: n1 see n1 n2 n3=failed`,
  },
  {
    what: 'a whole member is given up for a moment only', rule: /^accuracy: n3/, says: /n1 shows n3 failed/,
    polls: `0 to 40 every 1: n1 n2 n3 see n1 n2 n3
            30.5 to 30.6 every 1: n1 see n1 n2 n3=failed`,
  },
  {
    what: 'a member is forgotten in peace', rule: /^accuracy: n3/, says: /n1 shows n3 unknown/,
    polls: `0 to 40 every 1: n1 n2 n3 see n1 n2 n3
            30.5 to 30.6 every 1: n1 see n1 n2`,
  },
  {
    what: 'a dead member is not given up by one of two', rule: /^completeness: n2 .* n3/, says: /kill of n2 was on from 20\.100 s.*\n.*n3 shows n2 alive.*\n.*within 6\.00 s \(2 × 2 probes of 500 ms/,
    polls: `0 to 40 every 1: n1 n3 see n1 n2 n3
            0 to 20 every 1: n2 see n1 n2 n3
            40 to 60 every 1: n1 see n1 n2=failed n3
            40 to 60 every 1: n3 see n1 n2 n3`, faults: 'kill n2 from 20 to 60',
  },
  {
    what: 'a dead member comes back while it is down', rule: /^completeness: n2/, says: /n3 shows n2 alive at 50/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            23 to 50 every 1: n1 n3 see n1 n2=failed n3
            50 to 52 every 1: n3 see n1 n2 n3
            50 to 60 every 1: n1 see n1 n2=failed n3`, faults: 'kill n2 from 20 to 60',
  },
  {
    what: 'a dead member comes back by one who had not heard', rule: /^resurrection: n2 .* n1/, says: /n1 shows n2 failed at 25.*alive at 45/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            25 to 45 every 1: n1 see n1 n2=failed n3=failed
            45 to 48 every 1: n1 n3 see n1 n2 n3
            48 to 60 every 1: n1 n3 see n1 n2=failed n3`, faults: 'pause n3 from 19 to 44\nkill n2 from 20 to 60',
  },
  {
    what: 'one that stands still is not given up', rule: /^completeness: n2/, says: /pause of n2/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            20 to 40 every 1: n1 n3 see n1 n2 n3`, faults: 'pause n2 from 20 to 40',
  },
  {
    what: 'one whose gossip is cut off is not given up', rule: /^completeness: n3 .* n1/, says: /partition of n3 \(gossip\)/,
    polls: `0 to 60 every 1: n1 n2 see n1 n2 n3
            0 to 20 every 1: n3 see n1 n2 n3`, faults: `partition n3 from 20 to 60 ${isolated}`,
  },
  {
    what: 'the one that is cut off does not give up the others', rule: /^completeness: n1 .* n3/, says: /health score of up to 7/,
    polls: `0 to 20 every 1: n1 n2 see n1 n2 n3
            24 to 60 every 1: n1 n2 see n1 n2 n3=failed
            0 to 60 every 1: n3 see n1 n2 n3`, faults: `partition n3 from 20 to 60 ${isolated}`,
  },
  {
    what: 'the news of a failure does not reach one', rule: /^dissemination: n2 .* n3/, says: /n1 had it failed at 22\.010 s .* within 1\.00 s/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            22 to 30 every 1: n1 see n1 n2=failed n3
            20 to 24.5 every 1: n3 see n1 n2 n3
            25 to 30 every 1: n3 see n1 n2=failed n3`, faults: 'kill n2 from 20 to 30',
  },
  {
    what: 'with one dead, another is given up who lives', rule: /^accuracy: n3 .* n1/, says: /could hear each other/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            23 to 30 every 1: n3 see n1 n2=failed n3
            23 to 30 every 1: n1 see n1 n2=failed n3=failed`, faults: 'kill n2 from 20 to 30',
  },
  {
    what: 'not all come back after healing', rule: /^convergence: n2 .* n1/, says: /Nothing was broken since 40\.100 s: within 77/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            23 to 130 every 1: n1 see n1 n2=failed n3
            40 to 130 every 1: n2 n3 see n1 n2 n3`, faults: 'pause n2 from 20 to 40',
  },
  {
    what: 'who comes back goes on as leaving', rule: /^accuracy: n2|^convergence: n2/, says: /n2 leaving/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            41 to 130 every 1: n1 see n1 n2=leaving n3
            41 to 130 every 1: n2 n3 see n1 n2 n3`, faults: 'terminate n2 from 20 to 40',
  },
  {
    what: 'who left is called failed', rule: /^leave: n3/, says: /left by its own will/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            21 to 40 every 1: n1 see n1 n2 n3=left
            21 to 40 every 1: n2 see n1 n2 n3=failed`, faults: `membership n3 from 20 to 40 ${leave}`,
  },
  {
    what: 'who left is held for alive', rule: /^completeness: n3/, says: /n2 shows n3 leaving/,
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            21 to 60 every 1: n1 see n1 n2 n3=left
            21 to 60 every 1: n2 see n1 n2 n3=leaving`, faults: `membership n3 from 20 to 60 ${leave}`,
  },
]

for (const { what, polls, faults, rule, says } of rejected) {
  t.test(`rejected: ${what}`, async (t) => {
    const { verdict, evidence } = judge(polls, faults)
    t.equal(verdict, 'invalid')
    t.ok(evidence.some(({ title }) => rule.test(title)), evidence.map(({ title }) => title).join('\n'))
    t.match(evidence.find(({ title }) => rule.test(title))!.explanation.join('\n'), says)
    t.ok(evidence.every(({ eventIndexes }) => eventIndexes.length > 0))
  })
}

const accepted: readonly { readonly what: string, readonly polls: string, readonly faults?: string }[] = [
  { what: 'peace', polls: '0 to 30 every 1: n1 n2 n3 see n1 n2 n3' },
  {
    what: 'found dead just in time, and back again',
    polls: `0 to 26 every 1: n1 n3 see n1 n2 n3
            26 to 40 every 1: n1 n3 see n1 n2=failed n3
            41 to 60 every 1: n1 n2 n3 see n1 n2 n3`, faults: 'kill n2 from 20 to 40',
  },
  {
    what: 'a fault too short to be noticed',
    polls: '0 to 60 every 1: n1 n2 n3 see n1 n2 n3', faults: 'pause n2 from 20 to 25',
  },
  {
    what: 'given up by mistake while packets are lost, and taken back',
    polls: `0 to 25 every 1: n1 n2 n3 see n1 n2 n3
            25 to 40 every 1: n1 see n1 n2 n3=failed
            25 to 60 every 1: n2 n3 see n1 n2 n3
            40 to 60 every 1: n1 see n1 n2 n3`, faults: 'loss n1 from 20 to 35 {"links":["n1>n3"],"traffic":"all"}',
  },
  {
    what: 'one that is heard by nobody and hears all gives all up, and they believe it',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            25 to 40 every 1: n1 n2 n3 see n1=failed n2 n3
            60 to 70 every 1: n1 n2 n3 see n1 n2 n3`, faults: 'partition n3 from 20 to 40 {"links":["n1>n3","n2>n3"],"traffic":"all"}',
  },
  {
    what: 'two faults at once promise nothing',
    polls: `0 to 60 every 1: n1 n3 see n1 n2 n3
            0 to 20 every 1: n2 see n1 n2 n3`, faults: 'kill n2 from 20 to 60\ndelay n1 from 21 to 59 {"links":["n1>n3"],"traffic":"all"}',
  },
  {
    what: 'what Raft says and clients say is not gossip, nor is the wall clock',
    polls: '0 to 60 every 1: n1 n2 n3 see n1 n2 n3',
    faults: 'partition n1 from 15 to 50 {"links":["n1>n2"],"traffic":"raft"}\npartition n2 from 16 to 50 {"links":[],"traffic":"clients"}\nclock n1 from 15 to 50 {"clocks":"wall","skew":{"kind":"jump","offsetMs":5}}',
  },
  {
    what: 'both sides of a partition give each other up, and find back in time',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            25 to 100 every 1: n1 n2 see n1 n2 n3=failed
            38 to 100 every 1: n3 see n1=failed n2=failed n3
            100 to 130 every 1: n1 n2 n3 see n1 n2 n3`, faults: `partition n3 from 20 to 60 ${isolated}`,
  },
  {
    what: 'a fault that began before peace was sure',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            22 to 25 every 1: n1 n2 n3 see n1 n2 n3
            25 to 60 every 1: n1 n2 see n1=failed n2 n3`, faults: 'pause n1 from 20 to 22\nkill n3 from 25 to 60',
  },
  {
    what: 'a dead member that had just refuted comes back by one who had heard of it',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            25 to 45 every 1: n1 see n1 n2=failed n3=failed
            45 to 48 every 1: n1 n3 see n1 n2 n3
            48 to 60 every 1: n1 n3 see n1 n2=failed n3`, faults: 'loss n2 from 10 to 15\npause n3 from 19 to 44\nkill n2 from 20 to 60',
  },
  {
    what: 'one who was restarted hears of the dead as of somebody new',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            25 to 45 every 1: n1 n3 see n1 n2=failed n3
            46 to 48 every 1: n1 see n1 n2 n3
            48 to 60 every 1: n1 n3 see n1 n2=failed n3`, faults: 'kill n2 from 20 to 60\nrestart-all n1 from 44 to 45',
  },
  {
    what: 'one that left is gone from some views',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            21 to 40 every 1: n1 see n1 n2 n3=left
            21 to 40 every 1: n2 see n1 n2`, faults: `membership n3 from 20 to 40 ${leave}`,
  },
  {
    what: 'a fault that nobody knows the end of',
    polls: `0 to 20 every 1: n1 n2 n3 see n1 n2 n3
            20 to 200 every 1: n1 n2 see n1 n2 n3=failed`, faults: 'crash-loop n3 from 20 to end',
  },
]

for (const { what, polls, faults } of accepted) {
  t.test(`accepted: ${what}`, async (t) => {
    const { verdict, summary, evidence } = judge(polls, faults)
    t.equal(verdict, 'valid', `${summary}\n${JSON.stringify(evidence, null, 1)}`)
  })
}

t.test('a poll that began before what it shows was owed, or ended after, shows nothing', async (t) => {
  const polls = pollsText('0 to 26 every 1: n1 n3 see n1 n2 n3\n0 to 20 every 1: n2 see n1 n2 n3')
  // Asked a moment before n2 has to be given up, answered long after.
  const last = { process: 0, f: 'view', node: 'n1', index: polls.length }
  const slow = [{ ...last, time: 26.05e9, type: 'invoke' as const, value: null }, { ...last, index: polls.length + 1, time: 30e9, type: 'ok' as const, value: { n1: 'alive', n2: 'alive', n3: 'alive' } }]
  t.equal(judge('0 to 1 every 1: n1 see n1', 'kill n2 from 20 to 60', { history: [...polls, ...slow] }).verdict, 'valid')
})

t.test('with real schedulers who let a client wait stood still: nothing is promised meanwhile', async (t) => {
  const polls = pollsText(`0 to 70 every 1: n2 n3 see n1 n2 n3
                           0 to 60 every 1: n1 see n1 n2 n3
                           60 to 70 every 1: n1 see n1 n2 n3=failed`)
  const real = { factor: 2, addMs: 2000, stallMs: 500, latencyMs: 0 }
  t.equal(judge('0 to 1 every 1: n1 see n1', '', { history: polls, slack: real }).verdict, 'invalid')
  // One answer of n3 took two seconds.
  const stalled = polls.map((event) => event.node === 'n3' && event.type === 'ok' && event.time > 57e9 && event.time < 58e9 ? { ...event, time: event.time + 0.98e9 } : event).sort((a, b) => a.time - b.time)
  t.equal(judge('0 to 1 every 1: n1 see n1', '', { history: stalled, slack: real }).verdict, 'valid')
})

t.test('where relays cannot answer in time whoever probes the dead doubts itself, and may take longer', async (t) => {
  const polls = `0 to 30 every 1: n1 n3 see n1 n2 n3
                 0 to 20 every 1: n2 see n1 n2 n3
                 30 to 60 every 1: n1 n3 see n1 n2=failed n3`
  t.equal(judge(polls, 'kill n2 from 20 to 60').verdict, 'invalid')
  t.equal(judge(polls, 'kill n2 from 20 to 60', { slack: { ...virtual, latencyMs: 80 } }).verdict, 'valid')
})

t.test('nothing to check is unknown', async (t) => {
  t.equal(judge('0 to 1 every 1: n1 see n1', '', { history: [] }).verdict, 'unknown')
  t.equal(judge('5 to 20 every 1: n1 n2 n3 see n1 n2 n3', 'disk n1 from 0 to end').verdict, 'unknown')
})

t.test('how quick it was, and how often wrong, is told', async (t) => {
  const { details } = judge(`0 to 20 every 1: n1 n2 n3 see n1 n2 n3
                             23 to 40 every 0.5: n1 see n1 n2=failed n3
                             20 to 23.6 every 0.5: n3 see n1 n2 n3
                             23.6 to 40 every 0.5: n3 see n1 n2=failed n3
                             42 to 60 every 0.5: n1 n2 n3 see n1 n2 n3
                             64 to 66 every 0.5: n1 see n1 n2 n3=failed
                             70 to 80 every 0.5: n1 n2 n3 see n1 n2 n3`, 'kill n2 from 20 to 40\nresources n3 from 60 to 65')
  t.match(details, {
    detectionFirstMs: { count: 1, median: 2910 }, detectionAllMs: { median: 3510 }, disseminationMs: { median: 600 },
    falsePositives: { count: 1, durationMs: { median: 1500 } }, undetected: 0,
  })
})

const arbitraryRun = fc.record({
  views: fc.array(fc.record({ at: fc.nat(400), observer: fc.nat(2), trouble: fc.option(fc.record({ member: fc.nat(2), status: fc.constantFrom('failed', 'left', 'leaving') }), { freq: 3 }) }), { minLength: 5, maxLength: 60 }),
  faults: fc.array(fc.record({ kind: fc.constantFrom('kill', 'pause', 'loss', 'partition'), member: fc.nat(2), from: fc.nat(200), length: fc.integer({ min: 1, max: 150 }) }), { maxLength: 3 }),
})

t.test('names and the numbers of workers never change a verdict', async () => {
  fc.assert(fc.property(arbitraryRun, fc.shuffledSubarray(['a9', 'b', 'c'], { minLength: 3 }), fc.nat(50), ({ views, faults }, names, offset) => {
    const verdictWith = (name: (i: number) => string, processOf: (i: number) => number) => {
      const everybody = [0, 1, 2].map(name)
      const found = views.map(({ at, observer, trouble }, i) => ({
        time: at * 0.5e9 + observer * 1e6 + i, observer,
        view: Object.fromEntries(everybody.map((one, n) => [one, trouble !== null && trouble.member === n ? trouble.status : 'alive'])),
      })).sort((a, b) => a.time - b.time)
      // Each poll in a moment, so that workers stay sequential.
      const history = found.flatMap(({ time, observer, view }, i) => {
        const base = { process: processOf(observer), f: 'view', node: name(observer), time }
        return [{ ...base, index: 2 * i, type: 'invoke' as const, value: null }, { ...base, index: 2 * i + 1, type: 'ok' as const, value: view }]
      })
      const records = faults.flatMap(({ kind, member, from, length }, fault) => (['start', 'stop'] as const).map((step) => ({
        fault, name: kind, step, askedNs: (step === 'start' ? from : from + length) * 1e9, doneNs: (step === 'start' ? from : from + length) * 1e9 + 1e8, sinceMainS: 0, observed: {}, error: null,
        value: { members: [name(member)], traffic: 'all', links: everybody.filter((_, i) => i !== member).flatMap((other) => [`${other}>${name(member)}`, `${name(member)}>${other}`]) },
      })))
      return checkFailureDetection({ history, faults: records, members: everybody, timings, slack: virtual })
    }
    const plain = verdictWith((i) => members[i]!, (i) => i)
    const renamed = verdictWith((i) => names[i]!, (i) => offset + 2 - i)
    return plain.verdict === renamed.verdict && plain.details['findings'] === renamed.details['findings']
  }), { numRuns: 200, seed: 11 })
})
