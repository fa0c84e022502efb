import { connect } from 'node:net'
import type { DnsOutcome } from './environment.ts'

/**
 * One DNS message over a TCP connection of its own, and its answer (RFC 1035
 * §4.2.2: each behind its length in two bytes). `timeoutMs` covers all of it.
 * Never rejects.
 */
export function queryDns(host: string, port: number, message: Uint8Array, timeoutMs: number): Promise<DnsOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const timer = setTimeout(() => end({ kind: 'none', error: `no answer within ${timeoutMs} ms` }), timeoutMs)
    let received: Buffer = Buffer.alloc(0)
    const end = (outcome: DnsOutcome) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    socket.once('connect', () => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      socket.write(Buffer.concat([length, message]))
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      end({ kind: 'answer', message: received.subarray(2, 2 + received.readUInt16BE(0)) })
    })
    socket.once('error', (error) => end({ kind: 'none', error: error.message }))
    socket.once('close', () => end({ kind: 'none', error: 'closed without an answer' }))
  })
}
