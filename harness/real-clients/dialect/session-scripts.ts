import { any, base64, del, get, put, unknownId, type Script } from './step.ts'

const manyOperations = (count: number) => Array.from({ length: count }, (_, i) => ({ KV: { Verb: 'set', Key: `many/${i}`, Value: base64('x') } }))

export const sessionScripts: readonly Script[] = [
  {
    name: 'session: life',
    tellsIndexesApart: true,
    steps: [
      get('/v1/session/list'), put('/v1/session/create', undefined, { saveIdAs: 'a' }), get('/v1/session/info/{a}'), get('/v1/session/list'), get('/v1/session/node/n1'), get('/v1/session/node/other'), get('/v1/session/node/'),
      put('/v1/session/create', { Name: 'full', TTL: '30s', LockDelay: '5s', Behavior: 'delete' }, { saveIdAs: 'b' }), get('/v1/session/info/{b}'), get('/v1/session/info/{b}?pretty'), put('/v1/session/renew/{b}'), put('/v1/session/renew/{b}?pretty'), put('/v1/session/renew/{a}'),
      put(`/v1/session/renew/${unknownId}`), put('/v1/session/renew/'), put('/v1/session/renew/x'), put('/v1/session/destroy/{a}'), put('/v1/session/destroy/{a}'), put('/v1/session/destroy/'), put('/v1/session/destroy/x'),
      get('/v1/session/info/{a}'), get(`/v1/session/info/${unknownId}`), get('/v1/session/info/x'), get('/v1/session/info/'), get('/v1/session/list'), get('/v1/session/list?index=1&wait=10ms'), get('/v1/session/list?index=x'), get('/v1/session/list?consistent'), get('/v1/session/list?stale&consistent'),
    ],
  },
  {
    name: 'session: fields',
    tellsIndexesApart: true,
    steps: [
      ...[
        '{}', 'null', '[]', '"x"', '5', 'bad', '{"Name":5}', '{"TTL":"5s"}', '{"TTL":"10s"}', '{"TTL":"24h"}', '{"TTL":"25h"}', '{"TTL":"abc"}', '{"TTL":10}', '{"Behavior":"zap"}', '{"Behavior":"release"}', '{"Behavior":""}',
        '{"LockDelay":"90s"}', '{"LockDelay":20}', '{"LockDelay":0}', '{"LockDelay":"0s"}', '{"LockDelay":"x"}', '{"LockDelay":-1}', '{"Node":"nope"}', '{"Node":"n1"}', '{"Checks":["nope"]}', '{"Checks":[]}', '{"Checks":["serfHealth"]}',
        '{"NodeChecks":["serfHealth"]}', '{"NodeChecks":[]}', '{"ServiceChecks":[]}', '{"Unknown":1}', '{"name":"lower"}', '{"Name":"x"', '{"ID":"abc"}', '{"Checks":"serfHealth"}',
        '{"Checks":[5]}', '{"NodeChecks":"x"}', '{"NodeChecks":[true]}', '{"ServiceChecks":5}', '{"ServiceChecks":["x"]}', '{"ServiceChecks":[{"ID":5}]}', '{"LockDelay":true}', '{"LockDelay":[]}', '{"Behavior":5}', '{"ID":5}', '{"Node":true}', '{"CreateIndex":"x"}', '{"CreateIndex":5,"ModifyIndex":6}', '{}{}', '{} x', '{"Name":"a","Name":"b"}', '{"Name":"\\ud800"}', ' \n{}', '{"TTL":"1.5m"}', '{"TTL":"-10s"}', '{"TTL":"0s"}', '{"TTL":"60000ms"}', '{"LockDelay":"1ns"}', '{"LockDelay":1.5}', '{"LockDelay":"-5s"}', '{"LockDelay":999}', '{"LockDelay":1000}', '{"LockDelay":"90"}', '{"TTL":"30"}', 'true', '{"Name":tru}', '{"a":1,}', '[1', '{"Name":"x" "Node"}', '{"Name" 1}', 'nul',
      ].map((body) => put('/v1/session/create', body)),
      any('GET', '/v1/session/create'), any('GET', '/v1/session/destroy/x'), any('PUT', '/v1/session/list'), any('POST', '/v1/session/renew/x'), put('/v1/session/create?dc=dc9', '{}'), put('/v1/session/create?dc=dc9', 'bad'), put('/v1/session/create?dc=dc9', '{"TTL":"1s"}'), put('/v1/session/destroy/?dc=dc9'), put('/v1/session/create?pretty', '{"Node":"n1"}'), get('/v1/session/info/x?dc=dc9'), get('/v1/session/list?dc=dc9'), get('/v1/session/node/n1?dc=dc9'), put('/v1/session/destroy/x?dc=dc9'), put('/v1/session/renew/x?dc=dc9'), get('/v1/session/info/?dc=dc9'), get('/v1/session/info/?stale&consistent'), get('/v1/session/info/x?index=x'), get('/v1/session'), get('/v1/session/info'), get('/v1/session/nope'),
    ],
  },
  {
    name: 'session: locks',
    tellsIndexesApart: true,
    steps: [
      put('/v1/session/create', { LockDelay: '0s' }, { saveIdAs: 'a' }), put('/v1/session/create', { LockDelay: '15s' }, { saveIdAs: 'b' }), put('/v1/session/create', { Behavior: 'delete' }, { saveIdAs: 'c' }),
      put('/v1/kv/l?acquire={a}', 'one'), get('/v1/kv/l'), put('/v1/kv/l?acquire={a}', 'again'), get('/v1/kv/l'), put('/v1/kv/l?acquire={b}', 'no'), put('/v1/kv/l?release={b}', 'no'), put('/v1/kv/l', 'plain'), get('/v1/kv/l'),
      put('/v1/kv/l?release={a}', 'released'), get('/v1/kv/l'), put('/v1/kv/l?acquire={b}', 'b'), get('/v1/kv/l'), put('/v1/session/destroy/{b}'), get('/v1/kv/l'), put('/v1/kv/l?acquire={a}', 'delayed'), put('/v1/kv/l', 'not delayed'),
      put('/v1/kv/d?acquire={c}', 'x'), put('/v1/kv/d2?acquire={c}&flags=7', 'x'), get('/v1/kv/d2'), put('/v1/session/destroy/{c}'), get('/v1/kv/d'), get('/v1/kv/d2'), put('/v1/kv/m?release={a}', 'never held'), get('/v1/kv/m'),
      put('/v1/kv/n?acquire=', 'x'), put('/v1/kv/n?release=', 'x'), put(`/v1/kv/n?acquire=${unknownId}`, 'x'), put(`/v1/kv/n?release=${unknownId}`, 'x'), put('/v1/kv/n?acquire=x', 'x'), put('/v1/kv/n?acquire={a}&cas=1', 'x'), put('/v1/kv/n?acquire={a}&release={a}', 'x'), put('/v1/kv/n?release={a}&cas=0', 'x'),
      put('/v1/kv/o?acquire={a}', 'x'), del('/v1/kv/o'), get('/v1/kv/o'), put('/v1/kv/o?acquire={a}', 'x'), get('/v1/kv/o'), put('/v1/kv/o?cas=1', 'x'), get('/v1/kv/?recurse'),
    ],
  },
]

export const transactionScripts: readonly Script[] = [
  {
    name: 'txn: verbs',
    tellsIndexesApart: true,
    steps: [
      put('/v1/session/create', { LockDelay: '0s' }, { saveIdAs: 's' }),
      ...[
        [{ KV: { Verb: 'set', Key: 't/1', Value: base64('one'), Flags: 5 } }, { KV: { Verb: 'set', Key: 't/2', Value: base64('two') } }],
        [{ KV: { Verb: 'get', Key: 't/1' } }], [{ KV: { Verb: 'get-tree', Key: 't/' } }], [{ KV: { Verb: 'get', Key: 'nope' } }], [{ KV: { Verb: 'get-tree', Key: 'nope' } }],
        [{ KV: { Verb: 'check-not-exists', Key: 'nope' } }], [{ KV: { Verb: 'check-not-exists', Key: 't/1' } }], [{ KV: { Verb: 'check-index', Key: 't/1', Index: 1 } }], [{ KV: { Verb: 'check-index', Key: 'nope', Index: 1 } }],
        [{ KV: { Verb: 'check-session', Key: 't/1', Session: unknownId } }], [{ KV: { Verb: 'check-session', Key: 'nope', Session: unknownId } }],
        [{ KV: { Verb: 'cas', Key: 't/1', Value: base64('x'), Index: 1 } }], [{ KV: { Verb: 'cas', Key: 't/3', Value: base64('x'), Index: 0 } }], [{ KV: { Verb: 'delete-cas', Key: 't/1', Index: 1 } }], [{ KV: { Verb: 'delete-cas', Key: 'nope', Index: 1 } }],
        [{ KV: { Verb: 'delete', Key: 't/3' } }], [{ KV: { Verb: 'delete', Key: 'nope' } }], [{ KV: { Verb: 'delete-tree', Key: 't/' } }, { KV: { Verb: 'get-tree', Key: 't/' } }], [{ KV: { Verb: 'frob', Key: 't/1' } }], [{ KV: { Verb: '', Key: 't/1' } }],
        [{ KV: { Verb: 'set', Key: 'u', Value: base64('1') } }, { KV: { Verb: 'get', Key: 'u' } }, { KV: { Verb: 'get', Key: 'nope' } }, { KV: { Verb: 'cas', Key: 'u', Index: 3, Value: base64('2') } }],
        [{ KV: { Verb: 'get', Key: 'u' } }], [{ KV: { Verb: 'lock', Key: 'l', Session: unknownId, Value: base64('1') } }], [{ KV: { Verb: 'unlock', Key: 'l', Session: unknownId } }], [{ KV: { Verb: 'lock', Key: 'l' } }],
        [{ KV: { Verb: 'set', Key: '', Value: base64('1') } }], [{ KV: { Verb: 'set', Key: 'e', Value: null } }, { KV: { Verb: 'get', Key: 'e' } }], [{ KV: { Verb: 'set', Key: 'e' } }],
      ].map((body) => put('/v1/txn', body)),
      put('/v1/txn', '[{"KV":{"Verb":"lock","Key":"l","Session":"{s}","Value":"MQ=="}},{"KV":{"Verb":"get","Key":"l"}}]'), put('/v1/txn', '[{"KV":{"Verb":"check-session","Key":"l","Session":"{s}"}}]'), put('/v1/txn', '[{"KV":{"Verb":"unlock","Key":"l","Session":"{s}","Value":"Mg=="}}]'), put('/v1/txn', '[{"KV":{"Verb":"unlock","Key":"l","Session":"{s}"}}]'), get('/v1/kv/l'),
    ],
  },
  {
    name: 'txn: bodies',
    tellsIndexesApart: true,
    steps: [
      ...['[]', '{}', 'null', 'bad', '', '[{}]', '[null]', '[5]', '{"KV":{}}', '[{"KV":null}]', '[{"KV":{"Verb":"set","Key":"k","Value":"%%%"}}]', '[{"KV":{"Verb":"set","Key":5}}]', '[{"KV":{"Verb":"get","Key":"k"},"Node":{"Verb":"get"}}]', '[{"Zap":{}}]', '[{"KV":{"Verb":"set","Key":"k","Flags":-1}}]',
        '[{"KV":5}]', '[{"KV":[]}]', '5', '"x"', 'true', '[{"KV":{"Zap":1}}]', '[{"kv":{"verb":"set","key":"lower","value":"eA=="}}]', '[{"KV":{"Verb":"set","Key":"k","Index":"1"}}]', '[{"KV":{"Verb":"set","Key":"k","Flags":1.5}}]', '[{"KV":{"Verb":"set","Key":"k","Flags":18446744073709551616}}]', '[{"KV":{"Verb":5,"Key":"k"}}]', '[{"KV":{"Verb":"set","Key":"k","Session":5}}]', '[{"KV":{"Verb":"set","Key":"k","Value":5}}]', '[{"KV":{"Verb":"set","Key":"k","Value":"aGk"}}]', '[{"KV":{"Verb":"set","Key":"k","Value":[104,105]}},{"KV":{"Verb":"get","Key":"k"}}]', '[{"KV":{"Verb":"set","Key":"k","Namespace":"x"}}]', '[{"KV":{"Verb":"get","Key":"k","LockIndex":1}}]', '[] x', '[{"KV":{"Verb":"set","Key":"k","Value":"aGk=x"}}]', '[{"KV":{"Verb":"set","Key":"k","Value":"aG=x"}}]', '[{"KV":{"Verb":"set","Key":"k","Value":"aGkx="}}]', '[{"KV":{"Verb":"set","Key":"k","Value":"a\\nG\\nk="}}]', '[{"KV":{"Verb":"set","Key":"k","Value":[300]}}]', '[{"KV":{"Verb":"set","Key":"k","Value":["x"]}}]', '[{"KV":{"Verb":"SET","Key":"k"}}]', '[{"Node":null,"Service":null,"Check":null}]', '[{"Session":{}}]', '[{"KV":{"Verb":"set","Key":"<&>\u2028","Value":"eA=="}},{"KV":{"Verb":"get","Key":"<&>\u2028"}}]'].map((body) => put('/v1/txn', body)),
      put('/v1/txn', manyOperations(64)), put('/v1/txn', manyOperations(65)), any('GET', '/v1/txn'), any('POST', '/v1/txn', '[]'), put('/v1/txn?dc=dc9', '[]'), put('/v1/txn?dc=dc9', 'bad'), put('/v1/txn?stale&consistent', '[]'), put('/v1/txn?index=x', '[]'), put('/v1/txn?stale', [{ KV: { Verb: 'get-tree', Key: 'many/1' } }]), put('/v1/txn?consistent', [{ KV: { Verb: 'get', Key: 'many/1' } }]),
      put('/v1/txn', [{ KV: { Verb: 'set', Key: 'big', Value: base64('x'.repeat(400 * 1024)) } }]), put('/v1/txn', [{ KV: { Verb: 'set', Key: 'big', Value: base64('x'.repeat(300 * 1024)) } }]),
    ],
  },
]
