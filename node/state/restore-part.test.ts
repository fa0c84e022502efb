/** An archived state takes the place of what is there, in entries of the log: all of it or nothing, and indexes only grow. */
import t from 'tap'
import { type Command, encodeCommand } from './commands.ts'
import { StateMachine } from './state-machine.ts'
import { registration, sampleNode } from './testing/catalog-samples.ts'

const set = (key: string, value: string): Command => ({ kind: 'set', key, value: Buffer.from(value), flags: 0n })
const session = '00000000-0000-4000-8000-000000000001'

class Log {
  index = 0
  readonly heard: string[] = []
  readonly machine = new StateMachine({ renewed() {}, ended: (id) => this.heard.push(`ended ${id}`), lockDelayed() {}, replaced: () => this.heard.push('replaced') })

  apply(...commands: Command[]) {
    return commands.map((command) => this.machine.apply(++this.index, encodeCommand(command)))
  }
}

function archiveOf({ archivedParts }: StateMachine, perCommand = 2): Command[] {
  let sequence = 0
  return archivedParts.flatMap((part) => {
    const capture = part.capture()
    const records = [...{ [Symbol.iterator]: () => capture.records }]
    capture.release()
    return Array.from({ length: Math.ceil(records.length / perCommand) }, (_, i): Command =>
      ({ kind: 'restore-records', id: 'r1', sequence: sequence++, section: part.name, records: records.slice(i * perCommand, (i + 1) * perCommand) }))
  })
}

function archived(): StateMachine {
  const source = new StateMachine()
  const commands: Command[] = [registration(sampleNode('n1')), set('a', 'archived'), set('b', 'too'),
    { kind: 'session-create', session: { id: session, name: '', node: 'n1', lockDelayNs: 0, behavior: 'release', ttl: '', nodeChecks: [], serviceChecks: [] } },
    { kind: 'lock', key: 'held', value: Buffer.from('x'), flags: 0n, session }]
  commands.forEach((command, i) => source.apply(100 + i, encodeCommand(command)))
  return source
}

const begin: Command = { kind: 'restore-begin', id: 'r1', archiveIndex: 104 }
const commit = (sequences: number): Command => ({ kind: 'restore-commit', id: 'r1', sequences })

t.test('nothing changes before the commit; then all is as archived, and later changes count on from there', async (t) => {
  const log = new Log()
  const source = archived()
  log.apply(set('a', 'old'), set('old', 'goes'))
  const pieces = archiveOf(source)
  log.apply(begin, ...pieces)
  t.equal(Buffer.from(log.machine.kv.get('a').entry!.value).toString(), 'old')
  const causes: string[] = []
  log.machine.watches.add([{ kind: 'key', table: 'kv', key: 'nobody writes it' }], (cause) => causes.push(cause))
  t.same(log.apply(commit(pieces.length)), [{ kind: 'kv', succeeded: true }])
  t.same(causes, [], 'readers wait until the row of entries is applied')
  log.machine.watches.flush()
  t.same(causes, ['replaced'])
  t.same(log.heard, ['replaced'])
  t.same(log.machine.kv.list(''), source.kv.list(''))
  t.same(log.machine.sessions.list(), source.sessions.list())
  t.same(log.machine.catalog.nodes(), source.catalog.nodes())
  t.equal(log.machine.kv.get('old').entry, null)
  log.apply(set('c', 'later'))
  t.ok(log.machine.kv.get('c').entry!.modifyIndex > 104, 'a blocking query at the archive\'s index sees it')
  t.equal(log.machine.kv.list('').index, log.machine.kv.get('c').entry!.modifyIndex)
  log.apply({ kind: 'session-destroy', id: session })
  t.equal(log.machine.kv.get('held').entry!.session, null, 'a restored session holds what it held')
})

t.test('an archive that is older than the log does not make indexes fall', async (t) => {
  const log = new Log()
  const pieces = archiveOf(archived())
  for (let i = 0; i < 300; i++) log.apply(set('x', String(i)))
  log.apply(begin, ...pieces, commit(pieces.length), set('c', 'later'))
  t.equal(log.machine.indexOffset, 0)
  t.equal(log.machine.kv.get('c').entry!.modifyIndex, log.index)
  const before = log.index
  log.apply({ ...begin, archiveIndex: 10_000 } as Command, ...pieces, commit(pieces.length), set('c', 'a'))
  t.ok(log.machine.kv.get('c').entry!.modifyIndex > 10_000)
  log.apply(begin, ...pieces, commit(pieces.length), set('c', 'b'))
  t.ok(log.machine.kv.get('c').entry!.modifyIndex > 10_000, 'nor does a third')
  t.ok(log.index > before)
})

t.test('a restore with gaps, of another id, or that another took the place of, changes nothing', async (t) => {
  const pieces = archiveOf(archived())
  for (const [name, commands] of Object.entries({
    'a piece is missing': [begin, pieces[0]!, pieces[2]!],
    'a piece comes twice': [begin, pieces[0]!, pieces[0]!],
    'it ends too soon': [begin, ...pieces.slice(1, 0), pieces[0]!, commit(pieces.length)],
    'it never began': [commit(0)],
    'another id': [begin, commit(0), commit(0)].slice(0, 1).concat({ kind: 'restore-commit', id: 'r2', sequences: 0 }),
    'another begins': [begin, ...pieces, { kind: 'restore-begin', id: 'r2', archiveIndex: 1 } as Command, commit(pieces.length)],
    'it was aborted': [begin, ...pieces, { kind: 'restore-abort', id: 'r1' } as Command, commit(pieces.length)],
    'a section that nobody knows': [begin, { ...pieces[0], section: 'future' } as Command],
    'a record that is none': [begin, { ...pieces[0], records: [Buffer.from([77])] } as Command],
  } satisfies Record<string, Command[]>)) {
    const log = new Log()
    log.apply(set('a', 'old'))
    t.match(log.apply(...commands).at(-1), { kind: 'invalid' }, name)
    t.equal(Buffer.from(log.machine.kv.get('a').entry!.value).toString(), 'old', name)
    t.same(log.heard, [], name)
  }
})

t.test('a snapshot that is taken in the midst holds what came: who starts from it goes on alike', async (t) => {
  const log = new Log()
  log.apply(set('a', 'old'))
  const pieces = archiveOf(archived())
  for (let cut = 0; cut <= pieces.length + 1; cut++) {
    const whole = new Log()
    const all = [begin, ...pieces, commit(pieces.length), set('c', 'later')]
    whole.apply(set('a', 'old'), ...all.slice(0, cut))
    const copy = new Log()
    for (const part of whole.machine.parts) {
      const capture = part.capture()
      const restore = copy.machine.parts.find(({ name }) => name === part.name)!.restore()
      for (const record of { [Symbol.iterator]: () => capture.records }) restore.add(record)
      restore.finish()
      capture.release()
    }
    copy.machine.restoredTo(whole.index)
    copy.index = whole.index
    t.same(copy.apply(...all.slice(cut)), whole.apply(...all.slice(cut)), `cut at ${cut}`)
    t.same(copy.machine.kv.list(''), whole.machine.kv.list(''))
    t.equal(copy.machine.indexOffset, whole.machine.indexOffset)
    t.ok(copy.machine.kv.get('c').entry!.modifyIndex > 104)
  }
})

t.test('a restore that nobody goes on with is given up', async (t) => {
  const log = new Log()
  log.apply(begin)
  log.index += 100_001
  t.match(log.apply(commit(0)), [{ kind: 'invalid', problem: /given up/ }])
})
