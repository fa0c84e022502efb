import { comparable, differences, Names, type Comparable } from './compare.ts'
import type { Answer } from './exchange.ts'
import type { Script, Step } from './step.ts'

export interface Requester {
  readonly host: string
  request(method: string, target: string, body?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

/** What one step brought to light. */
export interface StepComparison {
  /** `PUT /v1/kv/a one`: method, target and the start of the body as they are written in the script. */
  readonly request: string
  /** A line for each thing that differs; empty where the answers are the same. */
  readonly differences: readonly string[]
}

/** Runs a script on both servers, step by step, and compares each pair of answers. */
export async function compareScript(script: Script, real: Requester, ours: Requester): Promise<StepComparison[]> {
  const [realSide, ourSide] = [new Side(real, script), new Side(ours, script)]
  const comparisons: StepComparison[] = []
  for (const step of script.steps) {
    const [realAnswer, ourAnswer] = await Promise.all([realSide.perform(step), ourSide.perform(step)])
    comparisons.push({ request: describe(step), differences: differences(realAnswer, ourAnswer) })
  }
  return comparisons
}

class Side {
  readonly #requester: Requester
  readonly #names: Names
  readonly #saved = new Map<string, string>()

  constructor(requester: Requester, { tellsIndexesApart = false }: Script) {
    this.#requester = requester
    this.#names = new Names(requester.host, tellsIndexesApart)
  }

  async perform(step: Step): Promise<Comparable> {
    const { method, target, body, headers } = step
    const answer = await this.#requester.request(method, this.#filled(target), body === undefined ? undefined : this.#filled(body), headers)
      .catch((error: Error): Answer => ({ status: 0, headers: {}, body: `no answer: ${error.message}` }))
    if (step.saveIdAs !== undefined) this.#saved.set(step.saveIdAs, idOf(answer))
    const found = comparable(answer, this.#names)
    return step.anyOrder === true || tagsOfServices.test(target) ? { ...found, body: withoutOrder(found.body), layout: '' } : found
  }

  #filled(text: string): string {
    return text.replace(/\{([a-z])\}/g, (whole, name: string) => this.#saved.get(name) ?? whole)
  }
}

/** Consul gathers the tags of a service's instances in a set of Go's, which has no order. */
const tagsOfServices = /^\/v1\/catalog\/services(\?|$)/

function withoutOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOrder).sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutOrder(inner)]))
}

function idOf({ body }: Answer): string {
  try {
    return String((JSON.parse(body) as { ID?: unknown }).ID)
  } catch {
    return 'not-created'
  }
}

function describe({ method, target, body }: Step): string {
  const short = (text: string) => text.length > 120 ? `${text.slice(0, 120)}… (${text.length})` : text
  return `${method} ${short(target)}${body === undefined ? '' : ` ${short(body)}`}`
}
