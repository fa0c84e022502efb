/** An agent's connections to a server, over real sockets. */
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { silentLog } from '../base/log.ts'
import { freePort } from '../testing/free-port.ts'
import { type AgentAnswer, type AgentCall, parseAgentToServer, parseServerToAgent } from './agent-messages.ts'
import { agentLinks, type CallOutcome, type ServerPort } from './agent-links.ts'
import { encodeFrame } from './frame.ts'
import { tcpTransport, type TcpTransport } from './tcp-transport.ts'

const dns = (text: string): AgentCall => ({ kind: 'dns', query: Buffer.from(text), over: 'udp', domain: 'consul', onlyPassing: false, markTruncated: false })
const options = { cluster: 'dc1', agent: 'c1', log: silentLog }

async function serverAt(t: Test, port = 0): Promise<TcpTransport> {
  const transport = await tcpTransport({ bindHost: '127.0.0.1', bindPort: port, log: silentLog, cluster: 'dc1' })
  t.teardown(() => transport.close())
  return transport
}

function links(t: Test, more: { pingMs?: number, cluster?: string } = {}): ServerPort {
  const port = agentLinks({ ...options, ...more })
  t.teardown(() => port.close())
  return port
}

const call = (port: ServerPort, address: string, what: AgentCall) => new Promise<CallOutcome>((resolve) => { port.call(address, what, resolve) })
const echo = (what: AgentCall, answer: (answer: AgentAnswer) => void) => {
  answer({ kind: 'dns', reply: what.kind === 'dns' ? what.query : null })
  return () => {}
}

t.test('calls are answered, in any order; servers among each other go on as before', async (t) => {
  const [one, other] = [await serverAt(t), await serverAt(t)]
  const held: (() => void)[] = []
  one.serveAgents((what, answer) => {
    held.push(() => echo(what, answer))
    if (held.length === 20) for (const release of held.reverse()) release()
    return () => {}
  })
  const port = links(t)
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => call(port, one.address, dns(`q${i}`))))
  t.same(outcomes.map((outcome) => outcome.kind === 'answer' && outcome.answer.kind === 'dns' && String(Buffer.from(outcome.answer.reply!))), Array.from({ length: 20 }, (_, i) => `q${i}`))

  const heard = new Promise((resolve) => { one.onMessage(resolve) })
  other.send(one.address, { hello: 1 })
  t.same(await heard, { hello: 1 })
})

t.test('a magic that comes in bits is known all the same', async (t) => {
  const server = await serverAt(t)
  server.serveAgents(echo)
  const port = Number(server.address.split(':')[1])
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1').setNoDelay()
    far.pipe(near)
    near.on('data', async (chunk: Buffer) => {
      near.pause()
      for (const byte of chunk.subarray(0, 12)) {
        far.write(Buffer.of(byte))
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
      far.write(chunk.subarray(12))
      near.resume()
    })
    for (const socket of [near, far]) socket.on('error', () => {}).on('close', () => { near.destroy(); far.destroy() })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => { proxy.close() })
  t.match(await call(links(t), `127.0.0.1:${(proxy.address() as { port: number }).port}`, dns('x')), { kind: 'answer' })
})

t.test('unsent where nobody is, lost where a server dies behind the call', async (t) => {
  const port = await freePort()
  const agent = links(t)
  t.match(await call(agent, `127.0.0.1:${port}`, dns('x')), { kind: 'unsent', reason: `dial tcp 127.0.0.1:${port}: connect: connection refused` })
  const server = await serverAt(t, port)
  const asked = new Promise<void>((resolve) => {
    server.serveAgents(() => {
      resolve()
      return () => {}
    })
  })
  const waiting = call(agent, server.address, dns('x'))
  await asked
  server.close()
  t.match(await waiting, { kind: 'lost', reason: 'EOF' })
})

t.test('a server that falls silent is given up; one that only takes its time is not', async (t) => {
  const silent = createServer((socket) => {
    socket.once('data', () => socket.write(encodeFrame([{ kind: 'welcome' }])))
    socket.on('error', () => {})
    t.teardown(() => { socket.destroy() })
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => { silent.close() })
  const agent = links(t, { pingMs: 50 })
  t.match(await call(agent, `127.0.0.1:${(silent.address() as { port: number }).port}`, dns('x')), { kind: 'lost', reason: 'i/o timeout' })

  const slow = await serverAt(t)
  slow.serveAgents((what, answer) => {
    const timer = setTimeout(() => echo(what, answer), 500)
    return () => clearTimeout(timer)
  })
  t.match(await call(agent, slow.address, dns('x')), { kind: 'answer' })
})

t.test('who asks no more is told to the server, as is an agent that is gone', async (t) => {
  const server = await serverAt(t)
  let cancelled = 0
  let served = 0
  server.serveAgents(() => {
    served++
    return () => { cancelled++ }
  })
  const until = async (reached: () => boolean) => { while (!reached()) await new Promise((resolve) => setTimeout(resolve, 5)) }
  const agent = agentLinks(options)
  const cancel = agent.call(server.address, dns('x'), () => t.fail('cancelled'))
  agent.call(server.address, dns('y'), () => t.fail('closed'))
  await until(() => served === 2)
  cancel()
  await until(() => cancelled === 1)
  agent.close()
  await until(() => cancelled === 2)
})

t.test('an agent of another cluster is turned away', async (t) => {
  const server = await serverAt(t)
  server.serveAgents(echo)
  t.match(await call(links(t, { cluster: 'dc2' }), server.address, dns('x')), { kind: 'unsent' })
})

t.test('what makes no sense is no message, and what is one comes through', async () => {
  const kinds = ['hello', 'call', 'cancel', 'ping', 'welcome', 'answer', 'pong', 'http', 'apply', 'nodes', 'dns', 'applied', 'invalid', 'no-leader', 'unknown']
  const noise = fc.oneof(fc.anything(), fc.record({ kind: fc.constantFrom(...kinds), callId: fc.anything(), call: fc.record({ kind: fc.constantFrom(...kinds), nodes: fc.anything(), body: fc.anything() }), answer: fc.anything() }, { requiredKeys: [] }))
  fc.assert(fc.property(noise, (value) => {
    parseAgentToServer(value)
    parseServerToAgent(value)
  }))
  const text = fc.string({ maxLength: 20 })
  const bytes = fc.uint8Array({ maxLength: 20 })
  const anyCall: fc.Arbitrary<AgentCall> = fc.oneof(
    fc.record({ kind: fc.constant('http' as const), agent: text, method: text, target: text, headers: fc.dictionary(text, text, { noNullPrototype: true }), body: bytes }),
    fc.record({ kind: fc.constant('apply' as const), command: bytes }), fc.record({ kind: fc.constant('nodes' as const), nodes: fc.array(text) }),
    fc.record({ kind: fc.constant('dns' as const), query: bytes, over: fc.constantFrom('udp' as const, 'tcp' as const), domain: text, onlyPassing: fc.boolean(), markTruncated: fc.boolean() }))
  fc.assert(fc.property(fc.nat(), anyCall, (callId, what) => {
    t.same(parseAgentToServer({ kind: 'call', callId, call: what }), { kind: 'call', callId, call: what })
  }), { numRuns: 50 })
})
