import { connectEngine } from '../harness/environments/docker/engine.ts'
import { ensureMemberImage } from '../harness/environments/docker/image/member-image.ts'

/** Builds the image of a member if it is not there yet, and prints its tag: `node docker/build-image.ts`. */
const engine = await connectEngine()
const tag = await ensureMemberImage(engine, (line) => console.error(line))
console.log(tag)
