import { any, get, put, type Script } from './step.ts'

export const agentScripts: readonly Script[] = [
  {
    name: 'agent: services and TTL checks',
    steps: [
      get('/v1/agent/services'), get('/v1/agent/checks'), put('/v1/agent/service/register', { Name: 'web', ID: 'web1', Tags: ['a', 'b'], Port: 80, Address: '10.0.0.1', Meta: { k: 'v' }, Check: { TTL: '1h', Status: 'passing' } }), get('/v1/agent/services'), get('/v1/agent/checks'), get('/v1/agent/service/web1'),
      get('/v1/agent/service/nope'), get('/v1/agent/health/service/id/web1'), get('/v1/agent/health/service/name/web'), get('/v1/agent/health/service/id/nope'), get('/v1/agent/health/service/name/nope'), get('/v1/agent/health/service/id/web1?format=text'),
      put('/v1/agent/check/warn/service:web1?note=hm'), get('/v1/agent/checks'), get('/v1/agent/health/service/id/web1'), put('/v1/agent/check/fail/service:web1'), get('/v1/agent/health/service/id/web1'), put('/v1/agent/check/pass/service:web1?note=fine'), put('/v1/agent/check/update/service:web1', { Status: 'warning', Output: 'slow' }), get('/v1/agent/checks'),
      put('/v1/agent/check/update/service:web1', { Status: 'zz' }), put('/v1/agent/check/update/service:web1', 'bad'), put('/v1/agent/check/update/nope', { Status: 'passing' }), put('/v1/agent/check/pass/nope'), put('/v1/agent/check/pass/'), put('/v1/agent/check/warn/nope'), put('/v1/agent/check/fail/nope'),
      put('/v1/agent/service/register', { Name: 'multi', Checks: [{ TTL: '1h' }, { CheckID: 'own', Name: 'mine', TTL: '1h' }] }), get('/v1/agent/checks'), put('/v1/agent/check/register', { Name: 'node check', TTL: '1h' }), put('/v1/agent/check/register', { Name: 'svc', ID: 'svc', ServiceID: 'web1', TTL: '1h', Status: 'passing', Notes: 'n' }), get('/v1/agent/checks'),
      put('/v1/agent/check/register', { Name: 'x', TTL: '1h', ServiceID: 'nope' }), put('/v1/agent/check/deregister/svc'), put('/v1/agent/check/deregister/svc'), put('/v1/agent/check/deregister/nope'), put('/v1/agent/check/deregister/'), put('/v1/agent/service/deregister/web1'), put('/v1/agent/service/deregister/web1'), put('/v1/agent/service/deregister/'), get('/v1/agent/services'), get('/v1/agent/checks'),
      get('/v1/agent/services?filter=Service%20%3D%3D%20multi'), get('/v1/agent/checks?filter=Status%20%3D%3D%20critical'), get('/v1/agent/services?filter=bad'),
    ],
  },
  {
    name: 'agent: bad registrations',
    steps: [
      ...[
        '{}', 'null', 'bad', '', '[]', '{"Name":""}', '{"Name":5}', '{"Name":"s","Port":"x"}', '{"Name":"s","Foo":1}', '{"Name":"s","Check":{}}', '{"Name":"s","Check":{"TTL":"0s"}}', '{"Name":"s","Check":{"TTL":"abc"}}', '{"Name":"s","Check":{"HTTP":"http://x"}}', '{"Name":"s","Check":{"TTL":"1s","Interval":"1s"}}', '{"Name":"s","Check":{"HTTP":"http://127.0.0.1:1","Interval":"10s","TTL":"1s"}}',
        '{"Name":"s","Check":{"Args":["true"],"Interval":"10s"}}', '{"Name":"s","Check":{"TTL":"1h","Status":"zap"}}', '{"Name":"s","Weights":{"Passing":0,"Warning":1}}', '{"Name":"s","Weights":{"Passing":100000,"Warning":1}}', '{"Name":"s","Weights":{"Passing":2,"Warning":1}}', '{"name":"lower","tags":["t"],"enable_tag_override":true}', '{"Name":"s","Check":{"TCP":"127.0.0.1:1"}}', '{"Name":"s","Meta":{"a":5}}', '{"Name":"under_score"}', '{"Name":"dot.ted"}',
      ].map((body) => put('/v1/agent/service/register', body)),
      ...['{}', 'null', 'bad', '', '{"Name":"c"}', '{"Name":"c","TTL":"-1s"}', '{"TTL":"1h"}', '{"Name":"c","TTL":"1h","Status":"zap"}', '{"Name":"c","HTTP":"http://127.0.0.1:1/","Interval":"1h"}', '{"Name":"c2","TCP":"127.0.0.1:1","Interval":"1h"}', '{"Name":"c3","Script":"x","Interval":"1h"}', '{"Name":"c4","CheckID":"c4","TTL":"1h"}', '{"Name":"alias","AliasNode":"n1"}', '{"Name":"alias2","AliasService":"nope"}'].map((body) => put('/v1/agent/check/register', body)),
      get('/v1/agent/services'), any('GET', '/v1/agent/service/register'), any('POST', '/v1/agent/check/register', '{}'), any('GET', '/v1/agent/check/pass/x'), any('GET', '/v1/agent/service/deregister/x'),
    ],
  },
  {
    name: 'agent: maintenance and itself',
    steps: [
      put('/v1/agent/maintenance'), put('/v1/agent/maintenance?enable=x'), put('/v1/agent/maintenance?enable=true&reason=why'), get('/v1/agent/checks'), put('/v1/agent/maintenance?enable=true'), put('/v1/agent/maintenance?enable=false'), get('/v1/agent/checks'), put('/v1/agent/maintenance?enable=true'), get('/v1/agent/checks'), put('/v1/agent/maintenance?enable=false'),
      put('/v1/agent/service/register', { Name: 'm' }), put('/v1/agent/service/maintenance/m?enable=true&reason=r'), get('/v1/agent/checks'), get('/v1/agent/health/service/id/m'), put('/v1/agent/service/maintenance/m?enable=false'), put('/v1/agent/service/maintenance/nope?enable=true'), put('/v1/agent/service/maintenance/?enable=true'), put('/v1/agent/service/maintenance/m'), put('/v1/agent/service/maintenance/m?enable=zz'),
      put('/v1/agent/reload'), get('/v1/agent/members?segment=nope'), put('/v1/agent/force-leave/nope'), put('/v1/agent/join/127.0.0.9'), get('/v1/agent/monitor?loglevel=zzz'), get('/v1/agent/metrics?format=prometheus'), put('/v1/agent/token/zzz', { Token: 'x' }), any('GET', '/v1/agent/reload'), any('PUT', '/v1/agent/self'), any('PUT', '/v1/agent/members'),
    ],
  },
  {
    name: 'events, coordinates, operator',
    steps: [
      get('/v1/event/list'), put('/v1/event/fire/deploy', 'hello'), put('/v1/event/fire/deploy'), put('/v1/event/fire/'), put('/v1/event/fire/x?node=('), put('/v1/event/fire/x?tag=a'), put('/v1/event/fire/x', 'y'.repeat(600)), get('/v1/event/list?name=nope'),
      get('/v1/coordinate/node/nope'), get('/v1/operator/raft/configuration'), any('DELETE', '/v1/operator/raft/peer'), any('DELETE', '/v1/operator/raft/peer?id=x'), any('DELETE', '/v1/operator/raft/peer?address=1.2.3.4:8300'), any('DELETE', '/v1/operator/raft/peer?address=a&id=b'), any('PUT', '/v1/operator/raft/configuration'),
      get('/v1/acl/tokens'), get('/v1/query'), get('/v1/session/list?pretty'),
    ],
  },
]
