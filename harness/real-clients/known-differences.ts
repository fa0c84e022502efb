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
  {
    request: /"(Status":"zap"|Port":-1|Port":99999|Passing":100000)/,
    parts: ['status', 'content-type', 'body'],
    reason: 'Consul stores a state that no check can have, a port or a weight that none can be; ours refuses them, as Consul does in other places',
  },
  {
    request: /"Kind":"zap"/,
    parts: ['status', 'content-type', 'body'],
    reason: 'a service of another kind than the usual one would be a proxy or a gateway, which nobody here could serve; Consul takes any word',
  },
  {
    request: 'PUT /v1/agent/service/register {"Name":"s","enable_tag_override":5}',
    parts: ['body'],
    reason: 'the error names the field as it is documented, not as the request spelled it',
  },
  {
    request: /filter=Definition\.HTTP/,
    parts: ['body'],
    reason: 'the error names the whole selector, not only its beginning',
  },
  {
    request: 'OPTIONS /v1/query/x',
    parts: ['content-type', 'body'],
    reason: 'Consul writes an empty object behind the headers, here alone; ours answers as everywhere',
  },
  {
    request: 'GET /v1/health/service/web?cached&again',
    parts: ['x-cache'],
    reason: 'there is no cache: every answer is made for its request, so that each is a miss',
  },
  {
    request: /^(POST \/v1\/query|PUT \/v1\/config|POST \/v1\/connect\/intentions) \{"(Name|Kind|SourceName)"/,
    parts: ['status', 'content-type', 'body'],
    reason: 'prepared queries, config entries and intentions are not kept here: who stores one is told so, and not that it was stored',
  },
  {
    request: 'PUT /v1/coordinate/update {}',
    parts: ['status', 'content-type', 'vary', 'body'],
    reason: 'Consul runs into a nil pointer and cuts the connection; ours says that it keeps no coordinates',
  },
  {
    request: /^PUT \/v1\/txn .*"TaggedAddresses":\{"lan":/,
    parts: ['body.Results[0].Service.TaggedAddresses'],
    reason: 'Consul forgets the tagged addresses of a service that is registered in a transaction; ours keeps them',
  },
  {
    request: /^(GET|POST|PUT) \/v1\/operator\/keyring( |$)/,
    parts: ['body'],
    reason: 'there is one pool of gossip: ours says it of its members, Consul also of servers in a pool of the wide area',
  },
  {
    request: 'GET /v1/operator/autopilot/configuration',
    parts: ['body.CreateIndex', 'body.ModifyIndex'],
    reason: "Consul's first leader writes the defaults into the state; ours are not written before somebody sets others, and 0 says so",
  },
  { request: 'GET /v1/catalog/service/consul', parts: ['body[0].ServiceMeta.version'], reason: 'each says its own version' },
  { request: 'GET /v1/health/service/consul', parts: ['body[0].Service.Meta.version'], reason: 'each says its own version' },
  { request: 'GET /v1/catalog/node/n1', parts: ['body.Services.consul.Meta.version'], reason: 'each says its own version' },
  {
    request: 'GET /v1/agent/members',
    parts: ['body[0].Tags.build', 'body[0].Tags.ft_fs', 'body[0].Tags.wan_join_port'],
    reason: 'each says its own version; ours has neither a pool of the wide area to join nor states of a federation to be told by it',
  },
]
