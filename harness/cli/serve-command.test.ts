import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { makeStore } from '../../results/serve/testing-store.ts'
import { UsageError } from '../plan/usage-error.ts'
import type { Stop } from '../runner/stop.ts'
import { runServeCommand } from './serve-command.ts'

/** The command, and what it was told and said. */
function serve(flags: { readonly store: string, readonly port: number }, onPrint: (line: string, stop: Stop) => void) {
  let interrupt: Stop | null = null
  return runServeCommand(flags, {
    workingDirectory: '/',
    io: { print: (line) => onPrint(line, interrupt!), error: () => {} },
    listenForSignals(stop) {
      interrupt = stop
      return { [Symbol.dispose]() {} }
    },
  })
}

t.test('serves until Ctrl-C, and then is gone', async (t) => {
  using store = makeStore()
  store.run('register/1', 'valid')
  let url = ''
  let answered: Promise<void> | null = null
  const exitCode = await serve({ store: store.path, port: 0 }, (line, stop) => {
    url = /http:\S+/.exec(line)![0]
    answered = fetch(url).then(async (response) => {
      t.match(await response.text(), /1 run</)
      stop.stop('SIGINT')
    })
  })
  await answered
  t.equal(exitCode, 130)
  await t.rejects(fetch(url))
})

t.test('what cannot be served is said in a sentence', async (t) => {
  using store = makeStore()
  await t.rejects(serve({ store: `${store.path}/none`, port: 0 }, () => {}), new UsageError(`--store ${store.path}/none: there is no such directory. \`splitbrain test\` makes one; --store names another.`))
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  await t.rejects(serve({ store: store.path, port }, () => {}), new UsageError(`--port ${port}: something listens there already. Give another, or 0 for any that is free.`))
})
