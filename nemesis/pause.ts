import { z } from 'zod'
import { invariant } from '../node/base/assert.ts'
import { drawTargets, onEach, targetedShape, type Targeted } from './drawing.ts'
import { family } from './family.ts'

/** Processes stand still and go on: to themselves no time has passed. */
export const pause = family<Targeted>({
  name: 'pause',
  about: 'processes stand still, holding their connections, and go on later as if nothing had been',
  layer: 'process',
  members: (value) => value.members,
  asked: z.strictObject(targetedShape) as unknown as z.ZodType<Partial<Targeted>>,
  missing: (environment) => environment.pause === undefined ? `environment ${environment.kind} cannot pause a member` : null,
  draw: (context, asked) => drawTargets(context, asked, ['one', 'leader', 'minority', 'majority', 'random']),
  start({ members }, { environment }) {
    const pauser = environment.pause
    invariant(pauser !== undefined, () => 'pause where nothing can be paused')
    return onEach(members, (member) => pauser.pause(member))
  },
})
