import t from 'tap'
import { LinkCutter, type NetworkNamespace } from './link-cutter.ts'

/** A firewall in memory that understands exactly the scripts that LinkCutter sends. */
class FakeNetwork {
  readonly namespaces: readonly NetworkNamespace[]
  /** By receiver: cut's chain → its sources' packets; newest first, as iptables is told. */
  readonly #cuts = new Map<string, Map<string, Map<string, number>>>()
  readonly #arrived = new Map<string, Map<string, number>>()
  /** Breaks: rules that are accepted but do nothing, or chains that stay. */
  rulesWork = true
  chainsGoAway = true

  constructor(members: readonly string[]) {
    this.namespaces = members.map((member, i) => ({ member, address: `10.0.0.${i + 1}`, run: async (script: string) => this.#run(`10.0.0.${i + 1}`, script) }))
    for (const { address } of this.namespaces) {
      this.#cuts.set(address, new Map())
      this.#arrived.set(address, new Map())
    }
  }

  /** Names of the cuts' chains at a member. */
  chains(member: string): string[] {
    return [...this.#cuts.get(this.namespaces.find((namespace) => namespace.member === member)!.address)!.keys()]
  }

  #run(own: string, script: string): string {
    const cuts = this.#cuts.get(own)!
    const arrived = this.#arrived.get(own)!
    for (const [, source] of script.matchAll(/'-A SB-ARRIVED -s (\S+) -j DROP'/g)) arrived.set(source!, 0)
    for (const [, chain, source] of script.matchAll(/'-A (SB-CUT-\d+) -s (\S+) -j DROP'/g)) {
      if (!cuts.has(chain!)) cuts.set(chain!, new Map())
      cuts.get(chain!)!.set(source!, 0)
    }
    const removed = /'-X (SB-CUT-\d+)'/.exec(script)?.[1]
    if (removed !== undefined && this.chainsGoAway) cuts.delete(removed)
    const targets = /for address in ([\d. ]+);/.exec(script)?.[1]?.split(' ') ?? []
    for (const target of targets) this.#deliver(own, target)
    if (!script.includes('save')) return ''
    return [
      ...[...arrived].map(([source, packets]) => `[${packets}:0] -A SB-ARRIVED -s ${source}/32 -j DROP`),
      ...[...cuts].flatMap(([chain, sources]) => [...sources].map(([source, packets]) => `[${packets}:0] -A ${chain} -s ${source}/32 -j DROP`)),
    ].join('\n')
  }

  #deliver(source: string, target: string): void {
    const holding = this.rulesWork ? [...this.#cuts.get(target)!].reverse().find(([, sources]) => sources.has(source)) : undefined
    if (holding !== undefined) holding[1].set(source, holding[1].get(source)! + 1)
    else this.#arrived.get(target)!.set(source, this.#arrived.get(target)!.get(source)! + 1)
  }
}

async function setUp() {
  const network = new FakeNetwork(['n1', 'n2', 'n3'])
  const cutter = new LinkCutter(network.namespaces, undefined, 200)
  await cutter.prepare()
  return { network, cutter }
}

t.test('a cut adds one chain at each receiver, and healing removes no other', async (t) => {
  const { network, cutter } = await setUp()
  const first = await cutter.cut([{ from: 'n1', to: 'n2' }, { from: 'n1', to: 'n3' }])
  const second = await cutter.cut([{ from: 'n1', to: 'n2' }, { from: 'n1', to: 'n2' }])
  t.same([network.chains('n1'), network.chains('n2'), network.chains('n3')], [[], ['SB-CUT-1', 'SB-CUT-2'], ['SB-CUT-1']])
  await first.heal()
  t.same([network.chains('n2'), network.chains('n3')], [['SB-CUT-2'], []])
  await Promise.all([second.heal(), second.heal()])
  t.same(network.chains('n2'), [])
})

t.test('rules that drop nothing are found out, and removed', async (t) => {
  const { network, cutter } = await setUp()
  network.rulesWork = false
  await t.rejects(cutter.cut([{ from: 'n1', to: 'n2' }]), { message: /n1→n2 could not be made: .*from n1 still arrived at n2/ })
  t.same(network.chains('n2'), [])
})

t.test('a chain that stays is found out', async (t) => {
  const { network, cutter } = await setUp()
  const cut = await cutter.cut([{ from: 'n1', to: 'n2' }])
  network.chainsGoAway = false
  await t.rejects(cut.heal(), { message: /could not be healed: its chain is still there on n2/ })
})

t.test('links that do not exist are refused', async (t) => {
  const { cutter } = await setUp()
  await t.rejects(cutter.cut([{ from: 'n1', to: 'n9' }]), { message: /There is no member n9; there are n1, n2, n3/ })
  await t.rejects(cutter.cut([{ from: 'n1', to: 'n1' }]), { message: /no link to itself/ })
})
