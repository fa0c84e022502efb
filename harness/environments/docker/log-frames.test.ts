import t from 'tap'
import { plainLog } from './log-frames.ts'

function frame(stream: 1 | 2, text: string): Buffer {
  const header = Buffer.alloc(8)
  header[0] = stream
  header.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([header, Buffer.from(text)])
}

t.test('the text of both streams comes out in the order in which it was written', async (t) => {
  t.equal(plainLog(Buffer.concat([frame(1, 'hello\n'), frame(2, 'Wörter\n'), frame(1, 'bye\n')])), 'hello\nWörter\nbye\n')
  t.equal(plainLog(Buffer.alloc(0)), '')
})

t.test('a frame that was cut off gives what is there', async (t) => {
  t.equal(plainLog(frame(1, 'hello').subarray(0, 11)), 'hel')
  t.equal(plainLog(frame(1, 'hello').subarray(0, 5)), '')
})
