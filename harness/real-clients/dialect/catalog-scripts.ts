import { any, get, put, unknownId, type Script } from './step.ts'

const web = { ID: 'web1', Service: 'web', Tags: ['v1', 'primary'], Address: '10.0.0.1', Port: 80, Meta: { version: '1' } }
const reads = (service: string): Script['steps'] => [
  get(`/v1/catalog/service/${service}`), get(`/v1/health/service/${service}`), get(`/v1/health/checks/${service}`), get(`/v1/health/service/${service}?passing`),
]

export const catalogScripts: readonly Script[] = [
  {
    name: 'catalog: registration',
    steps: [
      put('/v1/catalog/register', { Node: 'ext', Address: '10.0.0.9' }), get('/v1/catalog/node/ext'), put('/v1/catalog/register', { Node: 'ext', Address: '10.0.0.9', Service: web, NodeMeta: { rack: 'r1' } }), get('/v1/catalog/node/ext'), ...reads('web'),
      put('/v1/catalog/register', { Node: 'ext', Address: '10.0.0.9', Check: { Name: 'alive', Status: 'passing', Notes: 'n', Output: 'o' } }), put('/v1/catalog/register', { Node: 'ext', Address: '10.0.0.9', Check: { CheckID: 'web-ok', Name: 'ok', Status: 'critical', ServiceID: 'web1' } }), ...reads('web'),
      put('/v1/catalog/register', { Node: 'ext', Address: '10.0.0.9', Checks: [{ CheckID: 'web-ok', Name: 'ok', Status: 'passing', ServiceID: 'web1' }, { CheckID: 'c2', Name: 'two', Status: 'warning' }] }), get('/v1/health/node/ext'), ...reads('web'),
      get('/v1/health/state/any'), get('/v1/health/state/passing'), get('/v1/health/state/warning'), get('/v1/health/state/critical'), get('/v1/health/state/zz'), get('/v1/health/state/'), get('/v1/health/node/'), get('/v1/health/checks/'), get('/v1/health/service/'), get('/v1/health/node/nope'), get('/v1/health/checks/nope'), get('/v1/health/service/nope'),
      { ...get('/v1/catalog/services'), anyOrder: true }, get('/v1/catalog/nodes'), get('/v1/catalog/nodes?node-meta=rack:r1'), { ...get('/v1/catalog/services?node-meta=rack:r1'), anyOrder: true }, get('/v1/catalog/service/web?tag=v1'), get('/v1/catalog/service/web?tag=v1&tag=primary'), get('/v1/catalog/service/web?tag=nope'), get('/v1/health/service/web?tag=V1'), get('/v1/catalog/datacenters'), get('/v1/catalog/node-services/ext'), get('/v1/catalog/node-services/nope'),
      get('/v1/catalog/node/nope'), get('/v1/catalog/node/'), get('/v1/catalog/service/'), get('/v1/catalog/service/nope'), get('/v1/catalog/connect/web'), get('/v1/health/connect/web'), get('/v1/health/node/n1'),
      put('/v1/catalog/deregister', { Node: 'ext', CheckID: 'c2' }), put('/v1/catalog/deregister', { Node: 'ext', ServiceID: 'web1' }), get('/v1/health/node/ext'), get('/v1/catalog/services'), put('/v1/catalog/deregister', { Node: 'ext' }), get('/v1/catalog/node/ext'), put('/v1/catalog/deregister', { Node: 'ext' }), put('/v1/catalog/deregister', { Node: 'never', ServiceID: 'x' }),
    ],
  },
  {
    name: 'catalog: bad registrations',
    steps: [
      ...[
        '{}', 'null', 'bad', '', '[]', '{"Node":"x"}', '{"Node":5}', '{"Address":"10.0.0.1"}', '{"Node":"x","Address":"10.0.0.1","Service":{"ID":"a"}}', '{"Node":"x","Address":"10.0.0.1","ID":"short"}', '{"Node":"x","Address":"10.0.0.1","Check":{"ServiceID":"nope","Name":"c"}}',
        '{"Node":"x","Address":"10.0.0.1","Check":{}}', '{"Node":"x","SkipNodeUpdate":true}', '{"Node":"n1","SkipNodeUpdate":true,"Service":{"Service":"skip","Port":1}}', '{"Node":"x","Address":"10.0.0.1","Datacenter":"dc9"}', '{"Node":"x","Address":"10.0.0.1","Service":{"Service":"s","Port":"http"}}',
        `{"Node":"y","Address":"10.0.0.2","ID":"${unknownId}"}`, `{"Node":"z","Address":"10.0.0.3","ID":"${unknownId}"}`, '{"Node":"lower","address":"10.0.0.4","service":{"service":"s","tags":["a"]}}', '{"Node":"meta","Address":"10.0.0.5","NodeMeta":{"":"x"}}', '{"Node":"tagged","Address":"10.0.0.6","TaggedAddresses":{"wan":"1.2.3.4"}}',
      ].map((body) => put('/v1/catalog/register', body)),
      ...['{}', 'null', 'bad', '', '{"Node":5}', '{"ServiceID":"x"}', '{"Node":"x","Datacenter":"dc9"}'].map((body) => put('/v1/catalog/deregister', body)),
      get('/v1/catalog/nodes'), get('/v1/catalog/services'), any('GET', '/v1/catalog/register'), any('POST', '/v1/catalog/register', '{}'), any('PUT', '/v1/catalog/nodes'), any('PUT', '/v1/catalog/services'), any('PUT', '/v1/health/service/x'), any('DELETE', '/v1/catalog/node/x'),
    ],
  },
  {
    name: 'catalog: filters and query flags',
    steps: [
      put('/v1/catalog/register', { Node: 'a', Address: '10.0.0.1', NodeMeta: { rack: 'r1' }, Service: web }), put('/v1/catalog/register', { Node: 'b', Address: '10.0.0.2', NodeMeta: { rack: 'r2' }, Service: { ID: 'web2', Service: 'web', Tags: ['v2'], Port: 81, Meta: { version: '2' } } }),
      ...[
        'ServicePort == 80', 'ServicePort != 80', 'ServicePort==`81`', 'ServiceTags contains "v2"', '"v2" in ServiceTags', '"v2" not in ServiceTags', 'ServiceTags is empty', 'ServiceTags is not empty', 'ServiceMeta.version == "2"', 'ServiceMeta contains version', 'version in ServiceMeta', 'NodeMeta.rack == r1', 'Node matches "^a"', 'Node not matches "^a"', 'not Node == a',
        'Node == a and ServicePort == 80', 'Node == a or Node == b', '(Node == a or Node == b) and not ServicePort == 80', 'Address == "10.0.0.1"', 'ServiceName == web', 'ServiceID != web1', 'Nope == 1', 'ServicePort ==', 'ServicePort == "x"', '', '  ', '((Node == a)', 'Node == a and', 'ServiceMeta.nope == "1"', 'ServiceWeights.Passing == 1', 'ServiceAddress is empty', 'Node matches "("',
      ].map((filter) => get(`/v1/catalog/service/web?filter=${encodeURIComponent(filter)}`)),
      ...['Service.Port == 80', 'Node.Node == a', 'Checks is empty', 'Service.Tags contains v1', 'Node.Meta.rack == r2', 'Service.Meta.version != "1"'].map((filter) => get(`/v1/health/service/web?filter=${encodeURIComponent(filter)}`)),
      ...['Meta.rack == r1', 'Node == "n1"', 'Address == "10.0.0.2"', 'TaggedAddresses is empty'].map((filter) => get(`/v1/catalog/nodes?filter=${encodeURIComponent(filter)}`)),
      ...['Status == passing', 'CheckID == serfHealth', 'ServiceName is empty', 'Name contains Serf'].map((filter) => get(`/v1/health/state/any?filter=${encodeURIComponent(filter)}`)),
      get('/v1/health/service/web?passing=false'), get('/v1/health/service/web?passing=zz'), get('/v1/health/service/web?passing=1'), get('/v1/catalog/service/web?near=a'), get('/v1/catalog/service/web?near=nope'), get('/v1/catalog/nodes?near=_agent'), get('/v1/catalog/nodes?node-meta=rack'), get('/v1/catalog/service/web?node-meta=rack:r2'), get('/v1/health/service/web?node-meta=rack:r1&node-meta=x:y'),
      get('/v1/catalog/nodes?index=abc'), get('/v1/catalog/nodes?wait=abc'), get('/v1/catalog/nodes?index=1&wait=10ms'), get('/v1/catalog/nodes?index=9999999&wait=20ms'), get('/v1/catalog/nodes?stale&consistent'), get('/v1/catalog/nodes?stale'), get('/v1/catalog/nodes?consistent'), get('/v1/catalog/nodes?dc=dc9'), get('/v1/health/service/web?dc=dc9'), get('/v1/catalog/nodes?pretty'), get('/v1/catalog/nodes?max_stale=abc'), get('/v1/catalog/services?dc=dc1'),
    ],
  },
]
