import t from 'tap'
import { tellingLines } from './telling-lines.ts'

const lines = (count: number, text: string) => Array.from({ length: count }, (_, i) => `${text} ${i}`)

t.test('of a log the last lines; of a crash those that say why', async (t) => {
  t.equal(tellingLines('one\ntwo\n'), 'one\ntwo')
  t.same(tellingLines(lines(40, 'line').join('\n')).split('\n'), lines(40, 'line').slice(-15))
  const crashed = [...lines(20, 'before'), 'panic: the disk is not what it was', '', ...lines(60, 'goroutine')].join('\n')
  t.match(tellingLines(crashed).split('\n'), ['before 18', 'before 19', 'panic: the disk is not what it was'])
  const lived = [...lines(3, 'before'), 'panic: near the end', 'goroutine 1'].join('\n')
  t.match(tellingLines(lived), /panic: near the end\ngoroutine 1$/)
})
