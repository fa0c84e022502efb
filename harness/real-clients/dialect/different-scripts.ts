import { any, get, put, type Script } from './step.ts'

/** What is known to differ, by itself: what comes behind such a request would differ too. */
export const differentScripts: readonly Script[] = [
  {
    name: 'different: what Consul takes',
    steps: [
      put('/v1/catalog/register', '{"Node":"x","Address":"10.0.0.1","Check":{"Name":"c","Status":"zap"}}'), put('/v1/catalog/register', '{"Node":"x","Address":"10.0.0.1","Service":{"Service":"s","Port":-1}}'), put('/v1/catalog/register', '{"Node":"x","Address":"10.0.0.1","Service":{"Service":"s","Weights":{"Passing":100000}}}'), put('/v1/catalog/register', '{"Node":"x","Address":"10.0.0.1","Service":{"Service":"s","Kind":"zap"}}'),
      put('/v1/agent/service/register', '{"Name":"s","Port":99999}'), put('/v1/agent/service/register', '{"Name":"s","Kind":"zap"}'), put('/v1/txn', '[{"Node":{"Verb":"set","Node":{"Node":"n","Address":"1.1.1.1"}}}]'), put('/v1/txn', '[{"Check":{"Verb":"set","Check":{"Node":"n","CheckID":"c4","Status":"zap"}}}]'), put('/v1/txn', '[{"Service":{"Verb":"set","Node":"n","Service":{"Service":"s","TaggedAddresses":{"lan":{"Address":"1.2.3.4","Port":5}}}}}]'),
      any('POST', '/v1/query', '{"Name":"q","Service":{"Service":"web"}}'), put('/v1/config', '{"Kind":"service-defaults","Name":"x","Protocol":"http"}'), any('POST', '/v1/connect/intentions', '{"SourceName":"a","DestinationName":"b","Action":"allow"}'), any('OPTIONS', '/v1/query/x'), put('/v1/catalog/register', '{"Node":"y","Address":"10.0.0.2","Service":{"Service":"web"}}'), get('/v1/health/service/web?cached'), get('/v1/health/service/web?cached&again'), put('/v1/coordinate/update', '{}'),
    ],
  },
  {
    name: 'servers: autopilot, snapshots, the entry of servers',
    steps: [
      get('/v1/operator/autopilot/configuration'), put('/v1/operator/autopilot/configuration', 'bad'), put('/v1/snapshot', 'rubbish'), get('/v1/catalog/service/consul'), get('/v1/health/service/consul'), get('/v1/catalog/node/n1'), get('/v1/agent/members'),
      get('/v1/operator/keyring?local-only=true'), get('/v1/operator/keyring'), get('/v1/operator/keyring?relay-factor=9'), get('/v1/operator/keyring?relay-factor=zap'), any('POST', '/v1/operator/keyring', '{"Key":"x"}'), put('/v1/operator/keyring', '{"Key":"pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="}'), any('DELETE', '/v1/operator/keyring', 'bad'), any('DELETE', '/v1/operator/keyring'), any('OPTIONS', '/v1/operator/keyring'),
    ],
  },
]
