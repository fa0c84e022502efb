import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { compileFilter } from './filter.ts'
import { checkedInstanceShape } from './filter-shapes.ts'
import { FilterError, type FilterExpression, parseFilter } from './filter-syntax.ts'

const instance = {
  Node: { Node: 'n1', Meta: { rack: 'r1', 'a.b': 'c' }, TaggedAddresses: null },
  Service: { Service: 'web', Tags: ['v1', 'primary'], Port: 80, Meta: { version: '1.2' }, Address: '', EnableTagOverride: true, TaggedAddresses: { lan: { Address: '10.0.0.1', Port: 81 } }, Weights: { Passing: 3 } },
  Checks: [{ Status: 'passing', CheckID: 'serfHealth' }, { Status: 'warning', CheckID: 'c' }],
}
const holds = (text: string) => compileFilter(text, checkedInstanceShape)(instance)

t.test('what holds of an instance', async (t) => {
  const table: [string, boolean][] = [
    ['Service.Service == web', true], ['Service.Service == "web"', true], ['Service.Service == `web`', true], ['Service.Service=="db"', false], ['Service.Service != db', true],
    ['Service.Port == 80', true], ['Service.Port != 80', false], ['Service.EnableTagOverride == true', true], ['Service.Weights.Passing == 3', true],
    ['v1 in Service.Tags', true], ['"v2" in Service.Tags', false], ['v2 not in Service.Tags', true], ['Service.Tags contains v1', true], ['Service.Tags not contains v1', false],
    ['rack in Node.Meta', true], ['Node.Meta.rack == r1', true], ['Node.Meta["a.b"] == c', true], ['Node.Meta.none == x', false], ['Node.Meta.none != x', true], ['Node.Meta.constructor == x', false],
    ['Service.Proxy.LocalServicePort == 0', true], ['Service.Connect.Native == true', false], ['Service.Tags is not empty', true], ['Node.TaggedAddresses is empty', true], ['Service.Meta is empty', false],
    ['Service.Service matches "^w.b$"', true], ['Service.Service not matches "^w"', false], ['Service.Service matches `(?i)WEB`', true], ['Service.Meta.version matches `\\d+\\.\\d+`', true],
    ['eb in Service.Service', true], ['Service.TaggedAddresses.lan.Port == 81', true], ['Service.TaggedAddresses.wan.Port == 81', false],
    ['Checks.Status == warning', true], ['Checks.Status == critical', false], ['Checks is empty', false],
    ['not Service.Port == 80', false], ['not not Service.Port == 80', true],
    ['Service.Port == 1 or Service.Port == 80 and Node.Node == n1', true], ['(Service.Port == 80 or Service.Port == 1) and Node.Node == n2', false],
    ['Service.Port == 80 or Service.Port == 1 and Node.Node == n2', true], ['not (Service.Port == 80 and Node.Node == n2)', true],
  ]
  for (const [text, wanted] of table) t.equal(holds(text), wanted, text)
})

t.test('what is refused: where, or which selector', async (t) => {
  const table: [string, RegExp][] = [
    ['Service.Prt == 80', /^Selector "Service.Prt" is not valid$/], ['Service == x', /^Invalid match operator "Equal" for selector "Service"$/],
    ['Node.Meta.rack.x == y', /^Selector "Node.Meta.rack.x" is not valid$/], ['__proto__ == x', /^1:1 \(0\): no match found, expected: "\("/], ['Service.__proto__ == x', /^1:8 \(7\): no match found/], ['constructor == x', /not valid/],
    ['', /^1:1 \(0\): no match found/], ['Service', /^1:8 \(7\): no match found, expected: "!=", "\.", "==", "\[", \[ \\t\\r\\n\] or \[a-zA-Z0-9_\]$/], ['Service.Port ==', /^1:16 \(15\): no match found, expected: "-", "0", "\\"", "`"/],
    ['(Service.Port == 1', /^1:19 \(18\): rule "grouping": Unmatched parentheses$/], ['Service.Port == 1 2', /expected: "and", "or", /], ['Service.Service is empty', /Invalid match operator "Is Empty"/], ['Service.Port == 99999999999999999999', /value out of range/], ['Service.CreateIndex == 1', /not valid/], ['Service.Port == "1', /^1:17/], ['a = b', /^1:3/],
    ['Service.Port == x', /strconv.ParseInt/], ['Service.Port matches x', /Invalid match operator "Matches"/], ['Service.Tags == x', /Invalid match operator/], ['Service.Port is empty', /Invalid match operator/],
    ['Service.Service matches "("', /Failed to compile/], ['Service.EnableTagOverride == maybe', /ParseBool/], ['a in', /expected: a selector/], ['Service.Port == 1\nand )', /^2:5/],
    ['('.repeat(5000), /levels deep/],
  ]
  for (const [text, message] of table) t.throws(() => compileFilter(text, checkedInstanceShape), { name: 'FilterError', message }, text.slice(0, 50))
})

const name = fc.stringMatching(/^[A-Z][a-z]{0,4}$/)
const match: fc.Arbitrary<FilterExpression> = fc.record({
  kind: fc.constant('match' as const), selector: fc.array(name, { minLength: 1, maxLength: 3 }),
  operator: fc.constantFrom('equal' as const, 'not-equal' as const, 'in' as const, 'not-in' as const, 'matches' as const, 'not-matches' as const), value: fc.string(),
})
const { expression } = fc.letrec<{ expression: FilterExpression }>((tie) => ({
  expression: fc.oneof({ maxDepth: 5 }, match,
    fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('expression'), right: tie('expression') }),
    match.map((operand) => ({ kind: 'not' as const, operand }))),
}))

/** As somebody might write it. */
function write(one: FilterExpression): string {
  switch (one.kind) {
    case 'and':
    case 'or': return `(${write(one.left)}) ${one.kind} (${write(one.right)})`
    case 'not': return `not ${write(one.operand)}`
    case 'match': {
      const [selector, value] = [one.selector.join('.'), JSON.stringify(one.value)]
      const words = { equal: '==', 'not-equal': '!=', in: 'contains', 'not-in': 'not contains', matches: 'matches', 'not-matches': 'not matches', empty: '', 'not-empty': '' }
      return `${selector} ${words[one.operator]} ${value}`
    }
  }
}

t.test('what is written is read', async (t) => {
  fc.assert(fc.property(expression, (one) => assert.deepEqual(parseFilter(write(one)), structuredClone(one))))
  t.pass()
})

t.test('no text makes parsing fail otherwise than with a FilterError', async (t) => {
  const piece = fc.oneof(fc.constantFrom(' ', 'and', 'or', 'not', 'in', '(', ')', '==', '!=', 'is', 'empty', 'contains', 'matches', 'Service.Port', 'Node.Meta', '"x"', '1', '`', '"'), fc.string({ maxLength: 3 }))
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(' ')), (text) => {
    try {
      compileFilter(text, checkedInstanceShape)(instance)
    } catch (error) {
      assert.ok(error instanceof FilterError, `${text}: ${error}`)
    }
  }), { numRuns: 1000 })
  t.pass()
})

const matchText = fc.constantFrom('Service.Port == 80', 'Node.Node == n2', 'v1 in Service.Tags', 'Checks.Status == critical')

t.test('laws of logic', async (t) => {
  fc.assert(fc.property(matchText, matchText, matchText, (a, b, c) => {
    assert.equal(holds(`not (${a} and ${b})`), holds(`not ${a} or not ${b}`))
    assert.equal(holds(`${a} and (${b} or ${c})`), holds(`${a} and ${b} or ${a} and ${c}`))
    assert.equal(holds(`not not ${a}`), holds(a))
  }))
  t.pass()
})
