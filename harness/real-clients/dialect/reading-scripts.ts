import { any, get, put, type Script } from './step.ts'

const filter = (path: string, ...texts: string[]) => texts.map((text) => get(`/v1/${path}?filter=${encodeURIComponent(text)}`))

export const readingScripts: readonly Script[] = [
  {
    name: 'reading: filters',
    steps: [
      put('/v1/agent/service/register', { Name: 'web', Port: 80, Tags: ['a'], Meta: { k: 'v' }, Check: { TTL: '1h', Status: 'passing' } }), put('/v1/catalog/register', { Node: 'x', Address: '1.2.3.4', Service: { Service: 'web', Port: 81 } }), get('/v1/health/service/web'),
      ...filter('catalog/service/web', 'ServicePort is empty', 'ServiceAddress contains x', 'ServiceID == web xor a', 'ServiceEnableTagOverride == zz', 'ServiceEnableTagOverride == false', 'ServiceTags == x', 'ServiceTags.a == x', 'ServiceMeta == x', 'ServiceTaggedAddresses.lan.Port==80', 'ServiceProxy.DestinationServiceName==x', 'ServiceConnect.Native==true', 'ServiceConnect.Native==false', 'ServiceKind==x', 'Node.Meta==x', '"ServicePort"==0',
        'ServicePort==80 ', ' ServicePort == 80', '/ServicePort==80', 'ServiceMeta["a b"]==0', 'ServiceMeta["k"]==v', 'ServiceMeta.a-b==0', 'ServicePort==-1', 'ServicePort==1.5', 'ServicePort==99999999999999999999', '(ServicePort==80', 'ServicePort==80)', 'not not ServicePort==80', 'not (ServicePort==80 or ServicePort==81)', 'ServiceID contains e', 'e in ServiceID', 'ServiceID not contains e', 'ServicePort matches "x"', 'CreateIndex==5', 'ServiceWeights.Passing==1', 'TaggedAddresses.lan==x', 'ServiceName matches `^w`', 'ServiceName matches "[a"', 'ServiceName matches "(?i)WEB"', 'Datacenter==dc1', 'NodeMeta contains rack', 'ServiceTags is empty'),
      ...filter('catalog/node/n1', 'Service==web', 'bad', 'Port==80', 'Meta.k==v'), ...filter('catalog/node-services/n1', 'Service==web', 'Port==81', 'Nope==1'), ...filter('catalog/services', 'bad'), ...filter('health/node/n1', 'Status==passing', 'Definition.HTTP==x', 'CheckID matches "^service:"', 'ServiceTags contains a'), ...filter('health/checks/web', 'Status==critical', 'Status==passing', 'Type==ttl'), ...filter('health/state/any', 'Node==n1 and Status==passing', 'Output contains alive'),
      ...filter('health/service/web', 'Checks.Status==critical', 'Checks.Status==passing', 'Node.Node==x', 'Service.Port==80 or Node.Address=="1.2.3.4"', 'Service.Proxy.Mode==x', 'Service.Meta is empty'), ...filter('agent/services', 'Meta.x==1', 'Meta.k==v', 'Weights.Passing==1', 'TaggedAddresses.lan.Port==1', 'CreateIndex==1', 'Address is empty', 'Port!=80', 'Tags contains a'), ...filter('agent/checks', 'Status==passing', 'ServiceTags is empty', 'Name contains check', 'Node==n1'), ...filter('catalog/datacenters', 'bad'), ...filter('catalog/nodes', 'Meta is empty', 'Meta.rack==x', 'TaggedAddresses.lan=="1.2.3.4"', 'ID==""', 'Node in x'),
      ...filter('internal/ui/services', 'Service.Port==80', 'ServiceName==web', 'bad'), ...filter('internal/ui/nodes', 'Node==x', 'bad'),
    ],
  },
  {
    name: 'reading: parameters',
    steps: [
      put('/v1/catalog/register', { Node: 'x', Address: '1.2.3.4', NodeMeta: { rack: 'r1' }, Service: { Service: 'web', Port: 81, Tags: ['a', 'B'] }, Check: { Name: 'c', Status: 'warning' } }), put('/v1/catalog/register', { Node: 'y', Address: '1.2.3.5', Service: { ID: 'web-y', Service: 'web', Port: 82, Tags: ['a'] } }),
      ...['nodes', 'services', 'service/web', 'node/x', 'node-services/x'].flatMap((path) => ['stale', 'consistent', 'index=abc', 'index=-1', 'wait=abc', 'wait=10', 'max_stale=zz', 'max_stale=5s', 'stale&consistent', 'dc=dc9', 'dc=dc1', 'index=1&wait=5ms', 'pretty'].map((query) => ({ ...get(`/v1/catalog/${path}?${query}`), anyOrder: path === 'services' }))),
      ...['service/web', 'node/x', 'checks/web', 'state/any'].flatMap((path) => ['stale', 'consistent', 'index=zz', 'wait=zz', 'stale&consistent', 'dc=dc9', 'index=1&wait=5ms', 'pretty', 'node-meta=rack:r1', 'node-meta=rack:zz', 'near=_agent', 'near=x'].map((query) => get(`/v1/health/${path}?${query}`))),
      ...['tag=a', 'tag=b', 'tag=B', 'tag=a&tag=b', 'tag=', 'tag', 'tag=a&tag=zz', 'passing', 'passing=true', 'passing=0', 'tag=a&passing'].map((query) => get(`/v1/health/service/web?${query}`)), get('/v1/catalog/service/web?tag=A'), get('/v1/catalog/service/WEB'), get('/v1/catalog/node/X'), get('/v1/health/service/WEB'), get('/v1/health/node/X'), get('/v1/health/checks/WEB'), get('/v1/health/state/PASSING'), get('/v1/health/state/unknown'),
      ...['agent/services?pretty', 'agent/services?dc=dc9', 'agent/services?index=zz', 'agent/checks?wait=zz', 'agent/members?wan=1&segment=x', 'agent/members?segment=x', 'event/list?index=zz', 'event/list?wait=zz', 'event/list?pretty', 'catalog/datacenters?index=zz', 'catalog/datacenters?dc=dc9', 'internal/ui/nodes?dc=dc9', 'internal/ui/nodes?index=zz', 'internal/ui/node/nope', 'internal/ui/node/', 'internal/ui/node/x', 'status/peers?dc=dc9'].map((target) => get(`/v1/${target}`)),
      get('/v1/health/service/web?cached'), get('/v1/catalog/service/web?cached'), { ...get('/v1/catalog/services?cached'), anyOrder: true }, get('/v1/catalog/datacenters?cached'), get('/v1/catalog/nodes?cached'), get('/v1/health/node/x?cached'), get('/v1/catalog/node-services/x?cached'),
      any('PUT', '/v1/agent/force-leave/'), any('PUT', '/v1/agent/force-leave/nope?prune'), any('PUT', '/v1/catalog/register?dc=dc9', '{"Node":"z","Address":"1.2.3.4"}'), any('PUT', '/v1/catalog/deregister?dc=dc9', '{"Node":"z"}'), get('/v1/agent/monitor?loglevel=zzz'), put('/v1/event/fire/size', 'y'.repeat(437)), put('/v1/event/fire/size', 'y'.repeat(438)), put('/v1/event/fire/size?node=n1&service=a&tag=b', 'y'.repeat(420)), put('/v1/event/fire/size?service=%5Ba'), put('/v1/event/fire/size?service=a&tag=*'), put('/v1/event/fire/x?dc=dc9'),
    ],
  },
]
