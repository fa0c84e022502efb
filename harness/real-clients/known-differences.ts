import type { KnownDifference } from './dialect/known.ts'

const readHeaders = ['x-consul-index', 'x-consul-knownleader', 'x-consul-lastcontact']

/** Where this project's member does not answer as Consul 1.8.7, and why. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    request: 'PUT /v1/txn [null]',
    parts: ['status', 'content-type', 'x-consul-knownleader', 'x-consul-lastcontact', 'vary', 'body'],
    reason: 'Consul runs into a nil pointer and cuts the connection; ours takes null as an operation with nothing in it',
  },
  {
    request: 'FROB /v1/kv/a',
    parts: ['status', 'allow', 'vary', 'body'],
    reason: "Node's HTTP parser refuses a method that it does not know before anybody sees the request",
  },
  {
    request: 'GET /v1/kv/%ff',
    parts: ['status', 'content-type', ...readHeaders, 'vary', 'body'],
    reason: 'in Go a key is any bytes; ours are text, and a path that is no UTF-8 is refused',
  },
]
