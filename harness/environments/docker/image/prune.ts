import { hasStatus, type Engine } from '../engine.ts'
import { imageLabel } from './base-image.ts'

/** Removes this project's older images of one kind, but none that a container uses. @param keep not to be counted, and not removed */
export async function removeOldImages(engine: Engine, kind: string, count: number, keep: string): Promise<void> {
  const images = await engine.docker.listImages({ filters: { label: [`${imageLabel}=${kind}`] } })
  const old = images.filter((image) => (image.RepoTags ?? []).length > 0 && !image.RepoTags?.includes(keep))
    .sort((a, b) => b.Created - a.Created).slice(count)
  for (const image of old) {
    await engine.docker.getImage(image.RepoTags![0]!).remove().catch((error: unknown) => {
      // 409: in use; 404: another run was faster.
      if (!hasStatus(error, 404, 409)) throw error
    })
  }
}
