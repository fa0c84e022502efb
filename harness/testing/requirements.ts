import { dockerAvailability } from '../environments/docker/index.ts'
import type { System } from '../systems/system.ts'

/**
 * What a test needs of the machine. `false`: it is there; a sentence: the test
 * is to be skipped, and why. Use: `t.test(name, { skip: await dockerRequirement() }, …)`.
 *
 * With SPLITBRAIN_REQUIRE_DOCKER=1 a missing engine is an error instead of a
 * skip, so that a CI job that is meant to test Docker cannot pass without it.
 */
export async function dockerRequirement(): Promise<string | false> {
  const availability = await dockerAvailability()
  if (availability.available) return false
  if (process.env['SPLITBRAIN_REQUIRE_DOCKER'] === '1') {
    throw new Error(`SPLITBRAIN_REQUIRE_DOCKER=1, but Docker cannot be used: ${availability.reason}`)
  }
  return `Docker cannot be used: ${availability.reason}`
}

/** The same of a system that is not this project's own: an engine, and the system's program. */
export async function systemRequirement({ name, deployment }: System): Promise<string | false> {
  const docker = await dockerRequirement()
  if (docker !== false) return docker
  try {
    await deployment!.program.find()
    return false
  } catch (error) {
    if (process.env['SPLITBRAIN_REQUIRE_PROGRAMS'] === '1') throw error
    return `${name} cannot be had: ${(error as Error).message}`
  }
}
