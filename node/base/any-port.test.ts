import t from 'tap'
import { onAnyPort } from './any-port.ts'

const taken = () => Object.assign(new Error('bind EADDRINUSE 127.0.0.1:1'), { code: 'EADDRINUSE' })

t.test('a port that the second protocol finds taken is given up for another', async (t) => {
  let tries = 0
  t.equal(await onAnyPort(async () => {
    if (++tries < 4) throw taken()
    return `try ${tries}`
  }), 'try 4')
})

t.test('tries end, and what has another cause is not tried again', async (t) => {
  let tries = 0
  await t.rejects(onAnyPort(async () => { tries++; throw taken() }), { code: 'EADDRINUSE' })
  t.equal(tries, 20)
  tries = 0
  await t.rejects(onAnyPort(async () => { tries++; throw Object.assign(new Error('no'), { code: 'EACCES' }) }), { code: 'EACCES' })
  t.equal(tries, 1)
})
