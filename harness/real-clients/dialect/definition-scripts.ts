import { get, put, type Script } from './step.ts'

/** Bodies with one field of another type, or of a name that nobody knows. */
const fieldsOf = (fields: readonly string[]) => fields.map((field) => {
  const colon = field.indexOf(':')
  return `"${field.slice(0, colon)}":${field.slice(colon + 1)}`
})

const serviceFields = [
  'ID:5', 'Tags:5', 'Tags:[5]', 'Address:5', 'Port:"x"', 'Port:1.5', 'Meta:5', 'Meta:{"a":5}', 'Weights:5', 'Weights:{"Passing":"x","Warning":1}', 'EnableTagOverride:5', 'TaggedAddresses:5', 'TaggedAddresses:{"lan":5}', 'TaggedAddresses:{"lan":{"Port":"x"}}', 'Kind:5', 'Proxy:5', 'Connect:5', 'Zap:5', 'Weights:null',
]
const checkFields = [
  'TTL:5', 'TTL:"x"', 'TTL:"-1s"', 'TTL:"0s"', 'TTL:[]', 'Interval:"x"', 'Interval:5', 'HTTP:5', 'Header:5', 'Header:{"a":"b"}', 'Header:{"a":[5]}', 'Method:5', 'Body:5', 'TLSSkipVerify:5', 'TCP:5', 'Args:5', 'Args:[5]', 'ScriptArgs:["x"]', 'GRPC:5', 'GRPC:"127.0.0.1:1"', 'GRPCUseTLS:5', 'AliasNode:5', 'AliasService:5', 'DockerContainerID:5', 'DockerContainerID:"x"', 'Shell:5',
  'Timeout:"x"', 'OutputMaxSize:"x"', 'OutputMaxSize:-1', 'SuccessBeforePassing:"x"', 'FailuresBeforeCritical:-1', 'DeregisterCriticalServiceAfter:"x"', 'DeregisterCriticalServiceAfter:5', 'Status:5', 'Status:"zap"', 'Name:5', 'Notes:5', 'CheckID:5', 'ID:5', 'id:"a"', 'check_id:"a"', 'Zap:5', 'ttl:"1h"', 'deregister_critical_service_after:"1h"', 'tls_skip_verify:true', 'script_args:["x"]',
]

export const definitionScripts: readonly Script[] = [
  {
    name: 'definitions: a node, a service and a check of the catalog',
    steps: [
      ...fieldsOf(['ID:5', 'ID:"short"', 'ID:"zzzzzzzz-2222-3333-4444-555555555555"', 'Address:5', 'Datacenter:5', 'TaggedAddresses:5', 'TaggedAddresses:{"a":5}', 'NodeMeta:5', 'NodeMeta:{"a":5}', 'Service:5', 'Service:[]', 'Check:5', 'Checks:5', 'Checks:[5]', 'SkipNodeUpdate:5', 'Zap:1', 'EnterpriseMeta:1', 'Token:5'])
        .map((field) => put('/v1/catalog/register', `{"Node":"x","Address":"1.2.3.4",${field}}`)),
      ...fieldsOf([...serviceFields, 'Service:5', 'CreateIndex:5']).map((field) => put('/v1/catalog/register', `{"Node":"x","Address":"1.2.3.4","Service":{"Service":"s",${field}}}`)),
      ...fieldsOf(['CheckID:5', 'Name:5', 'Status:5', 'Notes:5', 'Output:5', 'ServiceID:5', 'ServiceName:5', 'ServiceTags:5', 'Type:5', 'Definition:5', 'Definition:{"HTTP":5}', 'Definition:{"Interval":5}', 'Definition:{"Interval":"x"}', 'Definition:{"Header":5}', 'Definition:{"Header":{"a":"b"}}', 'Definition:{"IntervalDuration":"5s","TCP":"x"}', 'Definition:{"TLSSkipVerify":5}', 'Node:"other"', 'Zap:1', 'ServiceID:"nope"'])
        .map((field) => put('/v1/catalog/register', `{"Node":"x","Address":"1.2.3.4","Check":{"Name":"c",${field}}}`)),
      get('/v1/health/node/x'), get('/v1/catalog/node/x'),
      ...['[]', '5', '"x"', '{"Node":"x","ServiceID":5}', '{"Node":"x","CheckID":5}', '{"Node":"x","Datacenter":5}', '{"Node":"x","Zap":5}', '{"Address":"1.2.3.4"}', '{"Node":5}'].map((body) => put('/v1/catalog/deregister', body)),
    ],
  },
  {
    name: 'definitions: services of the agent',
    steps: [
      ...fieldsOf([
        ...serviceFields, 'Weights:{"Passing":-1,"Warning":1}', 'Weights:{"Passing":1,"Warning":-1}', 'Weights:{"Passing":1,"Warning":0}', 'Weights:{"Passing":1}', 'Weights:{"Passing":1,"Warning":100000}', 'Weights:{}', 'enable_tag_override:5', 'enable_tag_override:true', 'TaggedAddresses:{"lan":{"Address":"1.2.3.4","Port":5}}', 'tagged_addresses:{"lan":{"address":"1.2.3.4","port":5}}', 'Proxy:{}', 'Connect:{}', 'Token:5', 'Token:"x"',
        'Check:5', 'Check:[]', 'Checks:5', 'Checks:[5]', 'Checks:{}', 'Meta:{"":"x"}', 'Meta:{"a b":"x"}', 'Meta:{"consul-x":"x"}', 'Address:"0.0.0.0"', 'Address:"::"', 'Address:"[::]"', 'ID:""', 'serviceid:"x"', 'Address:"host.name"', 'Address:"::1"', 'Namespace:"x"',
      ]).map((field) => put('/v1/agent/service/register', `{"Name":"s",${field}}`)),
      get('/v1/agent/services'), get('/v1/agent/checks'),
      put('/v1/agent/service/register?replace-existing-checks=q', '{"Name":"q"}'), put('/v1/agent/service/register?replace-existing-checks=true', '{"Name":"q","Checks":[{"TTL":"1h"}]}'), put('/v1/agent/service/register?replace-existing-checks=true', '{"Name":"q"}'), get('/v1/agent/checks'),
    ],
  },
  {
    name: 'definitions: checks of the agent',
    steps: [
      ...fieldsOf(checkFields).map((field) => put('/v1/agent/service/register', `{"Name":"s","Check":{${field}}}`)),
      ...['[]', '5', '{"Name":5}', '{"Name":"c","ServiceID":5}', '{"Name":"c","service_id":"nope","ttl":"1s"}', '{"Name":"c","TTL":5000000000000}', '{"Name":"c","TTL":"x"}', '{"Name":"c","Args":["x"],"Interval":"1s"}', '{"Name":"c","AliasNode":"x","TTL":"1s"}', '{"Name":"c","AliasNode":"x","HTTP":"http://x"}',
        '{"Name":"c","GRPC":"127.0.0.1:1"}', '{"Name":"c","GRPC":"127.0.0.1:1","Interval":"1h"}', '{"Name":"c","DockerContainerID":"x","Args":["x"],"Interval":"10s"}', '{"Name":"c","DockerContainerID":"x","Interval":"10s"}', '{"Name":"c","OutputMaxSize":-1,"TTL":"1s"}', '{"Name":"c","TTL":"1h","Token":"x"}', '{"Name":"c","TTL":"1h","ServiceName":"x"}', '{"Name":"c","Timeout":"5s"}', '{"Name":"c","Interval":"5s"}',
        '{"Name":"c","HTTP":"http://127.0.0.1:1","Interval":"1h"}', '{"Name":"c","Status":"zap"}', '{"Name":"","TTL":"1s"}', '{"ID":"x","TTL":"1s"}', '{"Name":"c","Namespace":"x","TTL":"1s"}', '{"Name":"c","Definition":{}}', '{"CheckID":"x","Name":"c","TTL":"1h"}', '{"check_id":"x","Name":"c","TTL":"1h"}', '{"id":"x","Name":"c","TTL":"1h"}', '{"Name":"c","TTL":"1h","alias_node":"x"}', '{"Name":"c","TTL":"1h","output_max_size":5}'].map((body) => put('/v1/agent/check/register', body)),
      ...['[]', '5', '{}', 'null', '', '{"Status":5}', '{"Output":5}', '{"Status":"passing","Zap":1}', '{"status":"passing","output":"x"}', '{"Status":""}', '{"CheckID":5}'].map((body) => put('/v1/agent/check/update/x', body)), put('/v1/agent/check/update/', '{"Status":"passing"}'), put('/v1/agent/check/warn/x?note=a%20b'), put('/v1/agent/check/fail/x'), put('/v1/agent/check/pass/x'),
    ],
  },
]
