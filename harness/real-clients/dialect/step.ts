/** One request of a script; a script's steps run in order on a server of their own. */
export interface Step {
  readonly method: string
  /** `{name}` stands for what an earlier step saved. */
  readonly target: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Lists in the answer are in an order of chance: they are compared as sets. */
  readonly anyOrder?: boolean
  /** Keeps the answer's field `ID` under this name for later steps. */
  readonly saveIdAs?: string
}

export interface Script {
  readonly name: string
  /** Which indexes are the same and which are not is compared too: where nothing but the script moves them. */
  readonly tellsIndexesApart?: boolean
  readonly steps: readonly Step[]
}

type Body = string | object | undefined

const step = (method: string) => (target: string, body?: Body, more: Partial<Step> = {}): Step =>
  ({ method, target, ...body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }, ...more })

export const get = step('GET')
export const put = step('PUT')
export const del = step('DELETE')
export const any = (method: string, target: string, body?: Body): Step => step(method)(target, body)

export const base64 = (text: string): string => Buffer.from(text).toString('base64')
export const unknownId = '11111111-2222-3333-4444-555555555555'
