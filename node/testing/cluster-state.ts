import { invariant } from '../base/assert.ts'
import type { VirtualCluster } from './virtual-cluster.ts'

/** Writes one key and waits for the answer. */
export function put(cluster: VirtualCluster, name: string, key: string, value: string): void {
  const { status, body } = cluster.ask(name, 'PUT', `/v1/kv/${key}`, value)
  invariant(status === 200 && body.toString().trim() === 'true', () => `PUT ${key} at ${name}: ${status} ${body.toString()}`)
}

/**
 * Every key with its value and indexes, a line each, as each member itself has
 * it (stale reads), with the table's index first; throws if two members differ.
 */
export function checkedState(cluster: VirtualCluster): string {
  const states = [...cluster.nodes.keys()].map((name) => {
    const { body, headers } = cluster.ask(name, 'GET', '/v1/kv/?recurse&stale')
    const entries = JSON.parse(body.toString() || '[]') as { Key: string, Value: string | null, CreateIndex: number, ModifyIndex: number }[]
    const lines = entries.map(({ Key, Value, CreateIndex, ModifyIndex }) => `${Key} ${Buffer.from(Value ?? '', 'base64').toString()} ${CreateIndex} ${ModifyIndex}`)
    return { name, text: [`index ${headers['X-Consul-Index']}`, ...lines].join('\n') }
  })
  const first = states[0]!
  for (const { name, text } of states) invariant(text === first.text, () => `${name} and ${first.name} differ:\n${text}\n---\n${first.text}`)
  return first.text
}
