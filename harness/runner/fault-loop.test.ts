import t from 'tap'
import type { Nemesis, NemesisContext } from '../../nemesis/nemesis.ts'
import type { FaultScript } from '../../nemesis/script.ts'
import { VirtualTime } from '../testing/virtual-time.ts'
import { FaultConductor } from './fault-conductor.ts'
import { scriptLoops } from './fault-loop.ts'
import { freshStatus } from './run-context.ts'
import { Stop } from './stop.ts'

/** What a script's faults did, and in which second; to begin takes each as long as it is told. */
async function conducted(script: FaultScript, stopAtMs = 60_000): Promise<string[]> {
  const clock = new VirtualTime()
  const phase = new Stop()
  const journal: string[] = []
  const note = (what: string) => journal.push(`${clock.nowNs() / 1e9} ${what}`)
  const nemesis: Nemesis = {
    name: 'fake',
    about: '',
    missing: () => null,
    next: async (_context, asked) => {
      const { name, startS } = asked as { name: string, startS: number }
      return {
        name, value: asked,
        async start() {
          await clock.sleep(startS * 1000)
          note(`${name} is on`)
          return { observed: null, stop: async () => note(`${name} is over`) }
        },
      }
    },
  }
  const context = { environment: { clock } } as unknown as NemesisContext
  const conductor = new FaultConductor({ clock, status: freshStatus(), memberCount: 3, record: () => {}, recordFault: () => {} })
  await clock.run(async () => {
    const loops = scriptLoops(script, { nemeses: [nemesis], contextOf: () => context, conductor, phase }, 0)
    await clock.sleep(stopAtMs)
    phase.stop('the time is over')
    await Promise.all(loops)
  })
  return journal
}

const scripted = (name: string, at: number, until: number | null, startS: number) =>
  ({ at, fault: 'fake', value: { name, startS }, ...until === null ? {} : { for: until - at } })

t.test('faults of a script begin and end at their times, also several at once', async (t) => {
  t.same(await conducted({ faults: [scripted('a', 1, 4, 0), scripted('b', 2, 3, 0), scripted('c', 3.5, null, 0), scripted('d', 5, 6, 0)] }),
    ['1 a is on', '2 b is on', '3 b is over', '3.5 c is on', '4 a is over', '5 d is on', '6 d is over'])
})

t.test('what a script has one after the other does not meet, however long it takes to begin', async (t) => {
  t.same(await conducted({ faults: [scripted('slow', 1, 2, 5), scripted('next', 3, 4, 0)] }), ['6 slow is on', '6 slow is over', '6 next is on', '6 next is over'])
  t.same(await conducted({ faults: [scripted('slow', 1, 4, 5), scripted('meant to meet it', 3, 8, 0)] }),
    ['6 slow is on', '6 meant to meet it is on', '6 slow is over', '8 meant to meet it is over'])
})

t.test('who waits for another waits no longer than the phase', async (t) => {
  t.same(await conducted({ faults: [scripted('slow', 1, 2, 9), scripted('next', 3, 4, 0)] }, 5000), ['10 slow is on'], 'it is left to the last phase, and the next never begins')
})
