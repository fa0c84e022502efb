/**
 * A member as the local environment sees one, without consensus: takes the same
 * flags and config, answers HTTP, and greets its peers again and again over what
 * it dials. It keeps lines in a file, synced or not, as it is told to.
 */
import { appendFileSync, closeSync, existsSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'

const flags = new Map<string, string[]>()
for (let i = 2; i < process.argv.length; i++) {
  const flag = process.argv[i]!
  const value = process.argv[i + 1]
  if (value === undefined || value.startsWith('-')) flags.set(flag, [])
  else { flags.set(flag, [...flags.get(flag) ?? [], value]); i++ }
}
const one = (flag: string) => flags.get(flag)![0]!
interface Config { dial_map: Record<string, string>, ports?: { server: number, serf_lan: number, http: number }, fail?: boolean, around?: boolean }
const config = JSON.parse(readFileSync(one('-config-file'), 'utf8')) as Config
if (config.fail === true) {
  console.error('fake member: told to fail')
  process.exit(3)
}

const name = one('-node')
const data = join(one('-data-dir'), 'lines')
mkdirSync(one('-data-dir'), { recursive: true })
appendFileSync(one('-raft-trace'), `{"event":"start","member":"${name}"}\n`)

/** Who has been heard since the last look. */
const heard = new Set<string>()
for (const port of [config.ports?.server ?? 8300, config.ports?.serf_lan ?? 8301]) {
  createTcpServer((socket) => {
    socket.on('error', () => {}).on('data', (chunk) => {
      for (const line of String(chunk).split('\n')) if (line !== '') heard.add(line)
    })
  }).listen(port, one('-bind'))
}

const greeting = 'hello'
for (const [advertised, door] of Object.entries(config.dial_map)) {
  const [host, port] = (config.around === true ? advertised : door).split(':')
  const dial = () => {
    const socket = connect(Number(port), host)
    const timer = setInterval(() => socket.write(`${name} ${greeting}\n`), 10)
    socket.on('error', () => {}).on('close', () => { clearInterval(timer); setTimeout(dial, 10) })
  }
  dial()
}

createServer((request, response) => {
  const url = new URL(request.url!, 'http://x')
  switch (url.pathname) {
    case '/v1/agent/self': return response.end('{}')
    case '/pid': return response.end(String(process.pid))
    case '/heard': {
      const names = [...heard].sort()
      heard.clear()
      return response.end(JSON.stringify(names))
    }
    case '/lines': {
      if (request.method === 'GET') return response.end(existsSync(data) ? readFileSync(data) : '')
      const file = openSync(data, 'a')
      writeSync(file, `${url.searchParams.get('line')}\n`)
      if (url.searchParams.has('sync')) fdatasyncSync(file)
      closeSync(file)
      return response.end()
    }
    default: return response.writeHead(404).end()
  }
}).listen(config.ports?.http ?? 8500, one('-client'), () => console.log(`fake member ${name} is up`))

process.on('SIGTERM', () => process.exit(0))
