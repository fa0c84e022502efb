import fc from 'fast-check'
import t from 'tap'
import type { FirewallRule } from '../harness/environments/environment.ts'
import { formatFirewallRule, parseFirewallRules, rulesObjection } from './firewall-rule.ts'

t.test('rules as users write them', async (t) => {
  t.same(parseFirewallRules('drop tcp n1>n2:8300; reset any clients>n3; limit 10/s udp any>n1:8301; mtu 1000 n1>n2;'), [
    { from: 'n1', to: 'n2', protocol: 'tcp', port: 8300, action: { kind: 'drop' } },
    { from: 'clients', to: 'n3', protocol: 'any', port: null, action: { kind: 'reset' } },
    { from: 'any', to: 'n1', protocol: 'udp', port: 8301, action: { kind: 'limit', packetsPerS: 10 } },
    { from: 'n1', to: 'n2', protocol: 'any', port: null, action: { kind: 'mtu', maxBytes: 1000 } },
  ])
})

t.test('what is written is read back', async () => {
  const name = fc.constantFrom('n1', 'n2', 'n3', 'any')
  const action: fc.Arbitrary<FirewallRule['action']> = fc.oneof(
    fc.constantFrom({ kind: 'drop' } as const, { kind: 'reject' } as const),
    fc.integer({ min: 1, max: 1e6 }).map((packetsPerS) => ({ kind: 'limit', packetsPerS }) as const),
    fc.integer({ min: 68, max: 65_535 }).map((maxBytes) => ({ kind: 'mtu', maxBytes }) as const),
  )
  const rule = fc.record({ from: fc.oneof(name, fc.constant('clients')), to: name, protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'any' as const), port: fc.option(fc.integer({ min: 1, max: 65_535 })), action })
    .filter(({ from, to }) => from !== to || from === 'any')
  fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), (rules) => {
    t.same(parseFirewallRules(rules.map(formatFirewallRule).join('; ')), rules)
  }), { numRuns: 100 })
})

t.test('what is no rule is refused in a sentence that quotes it', async (t) => {
  const refused: [string, RegExp][] = [
    ['', /no rule/],
    [' ; ', /no rule/],
    ['block n1>n2', /"block n1>n2": "block" is no action/],
    ['drop', /does not say from where to where/],
    ['drop n1', /"n1" does not say from where/],
    ['drop icmp n1>n2', /"icmp" is no protocol/],
    ['drop tcp n1>n2 now', /"now" is too much/],
    ['drop tcp n1>n2:0', /no port 0/],
    ['drop tcp n1>n2:70000', /no port 70000/],
    ['drop n1>clients', /answers go with the question/],
    ['drop n1>n1', /does not pass the network/],
    ['limit n1>n2', /limit needs a rate/],
    ['limit 0/s n1>n2', /limit needs a rate/],
    ['mtu n1>n2', /mtu needs a number of bytes/],
    ['mtu 10 n1>n2', /mtu needs a number of bytes/],
    ['reset udp n1>n2', /UDP has no connections/],
  ]
  for (const [text, sentence] of refused) t.throws(() => parseFirewallRules(text), { name: 'FirewallRuleError', message: sentence }, text)
})

t.test('strangers are named', async (t) => {
  const objection = (text: string) => rulesObjection(parseFirewallRules(text), ['n1', 'n2'])
  t.equal(objection('drop clients>n1; reject any>n2'), null)
  t.match(objection('drop n1>n2; drop n7>n2'), /"drop any n7>n2": there is no member n7; there are n1, n2/)
})
