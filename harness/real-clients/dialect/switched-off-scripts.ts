import { any, get, put, unknownId, type Script } from './step.ts'

const everywhere = (paths: readonly string[]) => paths.map((path) => any('OPTIONS', `/v1/${path}`))

export const switchedOffScripts: readonly Script[] = [
  {
    name: 'switched off: ACLs',
    steps: [
      ...['bootstrap', 'create', 'destroy/x', 'clone/x', 'policy', 'role', 'binding-rule', 'auth-method', 'token', 'policy/x', 'role/x', 'binding-rule/x', 'auth-method/x', 'token/x'].map((path) => put(`/v1/acl/${path}`, '{}')),
      ...['info/x', 'list', 'replication', 'policies', 'policy/x', 'policy/', 'policy/name/x', 'roles', 'role/x', 'role/name/x', 'binding-rules', 'binding-rule/x', 'auth-methods', 'auth-method/x', 'rules/translate/x', 'tokens', 'token/self', 'token/x'].map((path) => get(`/v1/acl/${path}`)),
      ...['login', 'logout', 'rules/translate'].map((path) => any('POST', `/v1/acl/${path}`, '{}')), any('POST', '/v1/internal/acl/authorize', '[]'), any('DELETE', '/v1/acl/token/x'), any('GET', '/v1/acl/create'), any('PUT', '/v1/acl/list'), put('/v1/agent/token/default', { Token: 'x' }), put('/v1/agent/token/'), any('GET', '/v1/agent/token/default'),
    ],
  },
  {
    name: 'switched off: prepared queries and coordinates',
    steps: [
      get('/v1/query'), any('POST', '/v1/query', '{}'), any('POST', '/v1/query', 'bad'), any('POST', '/v1/query'), any('POST', '/v1/query', '{"Service":{"Service":"web"}}'), get('/v1/query/x'), get(`/v1/query/${unknownId}`), get('/v1/query/'), get('/v1/query/x/execute'), get('/v1/query/x/explain'), get('/v1/query?dc=dc9'), get('/v1/query?index=zz'),
      put(`/v1/query/${unknownId}`, { Service: { Service: 'web' } }), put('/v1/query/x', '{}'), put('/v1/query/x', 'bad'), any('DELETE', `/v1/query/${unknownId}`), any('DELETE', '/v1/query/x'), any('PUT', '/v1/query'), any('OPTIONS', '/v1/query'),
      get('/v1/coordinate/datacenters'), get('/v1/coordinate/nodes'), get('/v1/coordinate/nodes?index=zz'), get('/v1/coordinate/nodes?dc=dc9'), get('/v1/coordinate/node/n1'), get('/v1/coordinate/node/nope'), get('/v1/coordinate/node/'), put('/v1/coordinate/update', 'bad'), put('/v1/coordinate/update'), any('GET', '/v1/coordinate/update'),
    ],
  },
  {
    name: 'switched off: Connect',
    steps: [
      get('/v1/agent/connect/ca/roots'), get('/v1/agent/connect/ca/leaf/x'), get('/v1/connect/ca/roots'), get('/v1/connect/ca/configuration'), put('/v1/connect/ca/configuration'), put('/v1/connect/ca/configuration', '{}'), get('/v1/connect/intentions'), get('/v1/connect/intentions?dc=dc9'), get('/v1/discovery-chain/web'), get('/v1/discovery-chain/'), any('POST', '/v1/discovery-chain/web', '{}'),
      ...['check', 'check?source=a', 'check?source=a&destination=b', 'check?source=a&destination=b&source-type=zap', 'check?source=a&destination=b&dc=dc9', 'check?source=a&destination=b&index=zz', 'match', 'match?by=zap&name=x', 'match?by=source', 'match?by=source&name=x&name=y', 'x', unknownId, ''].map((target) => get(`/v1/connect/intentions/${target}`)),
      any('POST', '/v1/connect/intentions', 'bad'), any('POST', '/v1/connect/intentions'), put('/v1/connect/intentions/x', '{}'), put(`/v1/connect/intentions/${unknownId}`, '{}'), put('/v1/connect/intentions/x', 'bad'), any('DELETE', '/v1/connect/intentions/x'), any('DELETE', `/v1/connect/intentions/${unknownId}`),
      ...['intentions', 'intentions/x', 'intentions/check', 'intentions/match'].map((path) => any('OPTIONS', `/v1/connect/${path}`)),
      get('/v1/catalog/connect/x'), get('/v1/catalog/connect/'), get('/v1/catalog/gateway-services/x'), get('/v1/catalog/gateway-services/'), get('/v1/health/connect/x'), get('/v1/health/connect/'), get('/v1/health/ingress/x'), get('/v1/health/ingress/'), get('/v1/catalog/connect/web?filter=Nope==1'),
      get('/v1/config/service-defaults'), get('/v1/config/service-defaults/x'), get('/v1/config/zap'), get('/v1/config/zap/x'), get('/v1/config/'), get('/v1/config'), put('/v1/config'), put('/v1/config', 'bad'), get('/v1/internal/ui/gateway-services-nodes/x'), get('/v1/internal/ui/gateway-services-nodes/'),
    ],
  },
  {
    name: 'methods, namespaces, unknown paths',
    steps: [
      ...everywhere([
        'kv/x', 'session/create', 'session/list', 'session/info/x', 'txn', 'status/leader', 'catalog/nodes', 'catalog/register', 'catalog/service/x', 'health/service/x', 'health/state/any', 'agent/self', 'agent/members', 'agent/services', 'agent/checks', 'agent/service/x', 'agent/service/register', 'agent/check/pass/x', 'agent/join/x', 'agent/leave', 'agent/force-leave/x',
        'agent/maintenance', 'agent/reload', 'agent/monitor', 'agent/metrics', 'agent/host', 'agent/health/service/id/x', 'agent/token/x', 'event/fire/x', 'event/list', 'operator/raft/configuration', 'operator/raft/peer', 'internal/ui/nodes', 'internal/ui/node/x', 'internal/ui/services', 'acl/bootstrap', 'acl/token/x', 'acl/login', 'coordinate/nodes', 'coordinate/update',
        'catalog/connect/x', 'catalog/gateway-services/x', 'health/connect/x', 'health/ingress/x', 'connect/ca/roots', 'connect/ca/configuration', 'discovery-chain/x', 'namespaces', 'operator/area', 'operator/license', 'nowhere', 'agent', 'internal/ui/gateway-intentions/x',
      ]),
      ...['kv/x', 'event/list', 'catalog/nodes', 'agent/self'].map((path) => any('HEAD', `/v1/${path}`)), any('GET', '/v1'), any('GET', '/v1/'), any('GET', '/ui/'), any('GET', '/favicon.ico'), any('PATCH', '/v1/kv/x'), any('POST', '/v1/event/fire/x'), any('DELETE', '/v1/event/list'),
      ...['kv/?ns=x', 'kv/x?ns=x', 'kv/x?ns=x&index=zz', 'kv/x?ns=', 'session/info/x?ns=x', 'session/info/?ns=x', 'session/node/x?ns=x', 'session/list?ns=x', 'catalog/datacenters?ns=x', 'catalog/services?ns=x', 'catalog/service/x?ns=x', 'catalog/service/?ns=x', 'catalog/node/x?ns=x', 'catalog/node-services/x?ns=x', 'catalog/connect/x?ns=x',
        'catalog/gateway-services/x?ns=x', 'health/service/x?ns=x', 'health/node/x?ns=x', 'health/checks/x?ns=x', 'health/state/any?ns=x', 'agent/services?ns=x', 'agent/checks?ns=x', 'agent/service/x?ns=x', 'agent/health/service/id/x?ns=x', 'agent/health/service/name/x?ns=x', 'event/list?ns=x', 'coordinate/nodes?ns=x', 'internal/ui/nodes?ns=x', 'internal/ui/services?ns=x', 'query?ns=x', 'status/leader?ns=x', 'config/service-defaults?ns=x', 'operator/raft/configuration?ns=x'].map((target) => get(`/v1/${target}`)),
      ...['kv/x?ns=x', 'session/create?ns=x', 'session/destroy/x?ns=x', 'session/renew/x?ns=x', 'catalog/register?ns=x', 'catalog/deregister?ns=x', 'agent/service/register?ns=x', 'agent/service/deregister/x?ns=x', 'agent/service/maintenance/x?ns=x&enable=true', 'agent/service/maintenance/?ns=x&enable=true', 'agent/check/register?ns=x', 'agent/check/deregister/x?ns=x', 'agent/check/pass/x?ns=x', 'agent/maintenance?ns=x'].map((target) => put(`/v1/${target}`, '{}')), put('/v1/agent/check/update/x?ns=x', '{"Status":"passing"}'),
      { ...get('/v1/kv/x'), headers: { 'X-Consul-Namespace': 'x' } }, { ...put('/v1/agent/service/register', '{"Name":"x"}'), headers: { 'X-Consul-Namespace': 'x' } }, { ...get('/v1/kv/x'), headers: { 'X-Consul-Token': 'any' } },
    ],
  },
]
