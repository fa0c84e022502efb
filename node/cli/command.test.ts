import { Command, Option } from 'commander'
import t from 'tap'
import { unexpectedStatus } from './agent-client.ts'
import { goFlags } from './command.ts'
import { columns } from './columns.ts'
import { parseExact, stringifyExact } from './exact-json.ts'

const command = new Command('put').addOption(new Option('--cas')).addOption(new Option('--modify-index <n>')).addOption(new Option('--no-shell'))

t.test('flags as Go reads them', async (t) => {
  for (const [args, wanted] of [
    [['-cas', 'k', '-v'], ['--cas', '--', 'k', '-v']],
    [['--cas=true', '-modify-index', '-1', 'k'], ['--cas', '--modify-index=-1', '--', 'k']],
    [['-cas', '-cas=false', '-modify-index=', '--', '-k'], ['--modify-index=', '--', '-k']],
    [['-', '-cas'], ['--', '-', '-cas']],
    [['-shell=false', '-cas=F'], ['--no-shell', '--']],
    [['-shell=false', '-shell', 'k'], ['--', 'k']],
    [['-cas', '-help', 'k'], ['--help']],
  ]) t.same(goFlags(command, args!), wanted, args!.join(' '))
  for (const [args, says] of [
    [['-frob'], /^flag provided but not defined: -frob\n/], [['-modify-index'], /^flag needs an argument: -modify-index$/],
    [['-cas=maybe'], /^invalid boolean value "maybe" for -cas: parse error$/],
  ] as const) t.throws(() => goFlags(command, args), { message: says, exitCode: 1 })
})

t.test('a table\'s last column ends with its text', async (t) => {
  t.equal(columns([['Node', 'ID'], ['n', 'a long one'], ['é', '']]), 'Node  ID\nn     a long one\né     ')
})

t.test('64-bit numbers pass through JSON unchanged', async (t) => {
  const text = '{"a":18446744073709551615,"b":1,"c":[9007199254740993,0.5],"d":"18446744073709551615"}'
  t.equal(stringifyExact(parseExact(text)), text)
  t.throws(() => parseExact('{'), SyntaxError)
})

t.test('a refusal is told with what was said, also where nothing was', async (t) => {
  t.match(unexpectedStatus({ status: 404, body: Buffer.alloc(0) }), { message: 'Unexpected response code: 404 ()', status: 404 })
  t.match(unexpectedStatus({ status: 500, body: Buffer.from('No cluster leader') }), { message: 'Unexpected response code: 500 (No cluster leader)', status: 500 })
})
