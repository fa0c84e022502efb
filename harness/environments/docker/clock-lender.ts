import { randomBytes } from 'node:crypto'
import { runBeside } from './beside.ts'
import { messageOf, type Engine } from './engine.ts'
import { plainLog } from './log-frames.ts'

/**
 * Clocks that lie for programs that ask the kernel itself for the time, as all
 * in Go do: docker/lend-clock.c takes the clock's functions into the member's
 * process, between its first moment and its first instruction. So each life of
 * such a member begins at a gate, where it waits for that.
 *
 *     bash, waiting at the gate ──exec──► the program, stopped ──► its vDSO changed, the clock's file mapped ──► goes on
 *               ▲                             ▲
 *        lend-clock, beside it: opens the gate, and follows
 */

const gate = '/run/splitbrain-gate'
/** Where docker/lend-clock.c maps the clock's file, as it stands in a process's maps. */
const stateAddress = '5c10c0000000'

/** The command of a program that waits for its clock. */
export function gatedCommand(command: readonly string[]): string[] {
  return ['bash', '-c', `test -p ${gate} || mkfifo -m 600 ${gate}; read -r _ < ${gate}; exec "$@"`, 'member', ...command]
}

export interface LenderPorts {
  readonly engine: Engine
  /** Ours. */
  readonly image: string
  readonly labels: Record<string, string>
}

/** Lends a clock to the program that waits in a container. @param stateFile as the program's container has it */
export async function lendClock({ engine, image, labels }: LenderPorts, containerId: string, stateFile: string): Promise<void> {
  try {
    await runBeside(engine, { image, labels, script: `/opt/splitbrain/lend-clock ${stateFile} ${gate}`, processesOf: containerId, capabilities: ['SYS_PTRACE'] })
  } catch (error) {
    throw new Error(`The program's clock could not be taken over: ${messageOf(error)}`, { cause: error })
  }
}

/** Run in a member's container: fails unless its program has the clock. */
export const hasClockScript = `grep -q '^${stateAddress}-' /proc/1/maps || { echo 'its program does not look at the clock that was lent to it'; false; }`

/** Null where a program of the C library, which here is asked to do without ours, is given a clock twelve years ahead; or why not. */
export async function tryLending(ports: LenderPorts): Promise<string | null> {
  const { engine, image, labels } = ports
  const container = await engine.docker.createContainer({
    name: `splitbrain-clock-${randomBytes(6).toString('hex')}`, Image: image, Labels: labels,
    Cmd: gatedCommand(['python3', '-c', 'import time; print("year", time.gmtime().tm_year)']), HostConfig: { NetworkMode: 'none' },
  })
  try {
    await container.start()
    const making = await container.exec({ Cmd: ['python3', '-c', farClock], AttachStdout: true, AttachStderr: true })
    const stream = await making.start({})
    await new Promise((resolve) => stream.on('end', resolve).on('close', resolve).resume())
    const ended = container.wait() as Promise<unknown>
    await lendClock(ports, container.id, '/run/clock')
    await ended
    const printed = plainLog(await container.logs({ stdout: true, stderr: true }))
    const year = Number(/^year (\d+)$/m.exec(printed)?.[1])
    return year > new Date().getUTCFullYear() + 10 ? null : `a program with a clock twelve years ahead printed ${JSON.stringify(printed.trim())}`
  } catch (error) {
    return messageOf(error)
  } finally {
    await container.remove({ force: true, v: true }).catch(() => {})
  }
}

const farClock = 'import struct; open("/run/clock", "wb").write(struct.pack("=10q", 0, 1, 4 * 10 ** 17, *[0] * 7).ljust(4096, bytes(1)))'
