import { dockerAvailability, connectEngine, hasStatus, messageOf, type Engine } from './engine.ts'
import { isOwnerDead, ownerOf, runLabel } from '../owner.ts'

/** Removal races with the engine's own work (a container that is just dying holds its network). */
const attemptsMax = 40
const pauseMs = 100

interface Labelled {
  readonly kind: 'container' | 'volume' | 'network'
  readonly id: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * Removes every container, volume and network of a run. Idempotent; resolves
 * when the engine lists none any more, or rejects with what is left.
 */
export async function removeRun(engine: Engine, runId: string): Promise<void> {
  let failures: string[] = []
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const found = await listLabelled(engine, `${runLabel}=${runId}`)
    if (found.length === 0) return
    failures = []
    // Containers hold volumes and networks, so they go first.
    for (const kinds of [['container'], ['volume', 'network']]) {
      await Promise.all(found.filter(({ kind }) => kinds.includes(kind)).map(async (resource) => {
        const failure = await remove(engine, resource)
        if (failure !== null) failures.push(`${resource.kind} ${resource.id.slice(0, 40)}: ${failure}`)
      }))
    }
    if (failures.length > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  throw new Error(`Docker would not remove all of run ${runId} (docker ps -a --filter label=${runLabel}=${runId}): ${failures.join('; ')}`)
}

/**
 * Removes what runs of dead processes have left: `kill -9` of a harness leaves its
 * containers running. A run whose process lives, or may live on another machine, is not touched.
 */
export async function reapDeadRuns(say: (line: string) => void): Promise<void> {
  if (!(await dockerAvailability()).available) return
  const engine = await connectEngine()
  const dead = new Map<string, number>()
  for (const { labels } of await listLabelled(engine, runLabel)) {
    const owner = ownerOf(labels)
    const runId = labels[runLabel]
    if (owner !== null && runId !== undefined && isOwnerDead(owner)) dead.set(runId, (dead.get(runId) ?? 0) + 1)
  }
  await Promise.all([...dead].map(async ([runId, count]) => {
    say(`removing ${count} containers, volumes and networks that the dead run ${runId} left`)
    await removeRun(engine, runId)
  }))
}

/** Everything of this project on the engine that has a label (`name` or `name=value`). */
export async function listLabelled(engine: Engine, label: string): Promise<Labelled[]> {
  const filters = { label: [label] }
  const [containers, volumes, networks] = await Promise.all([
    engine.docker.listContainers({ all: true, filters }),
    engine.docker.listVolumes({ filters }),
    engine.docker.listNetworks({ filters }),
  ])
  return [
    ...containers.map((container) => ({ kind: 'container' as const, id: container.Id, labels: container.Labels })),
    ...(volumes.Volumes ?? []).map((volume) => ({ kind: 'volume' as const, id: volume.Name, labels: volume.Labels ?? {} })),
    ...networks.map((network) => ({ kind: 'network' as const, id: network.Id, labels: network.Labels ?? {} })),
  ]
}

/** Null when it is gone, or why not yet. */
async function remove(engine: Engine, { kind, id }: Labelled): Promise<string | null> {
  try {
    switch (kind) {
      case 'container': await engine.docker.getContainer(id).remove({ force: true, v: true }); break
      case 'volume': await engine.docker.getVolume(id).remove({ force: true }); break
      case 'network': await engine.docker.getNetwork(id).remove(); break
    }
    return null
  } catch (error) {
    return hasStatus(error, 404) ? null : messageOf(error)
  }
}
