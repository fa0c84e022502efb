import { any, base64, del, get, put, type Script } from './step.ts'

const valueBytesMax = 512 * 1024

/** Reads whose indexes say what a write has moved. (Lists of sessions are in the order of their ids, which chance decides.) */
const indexes = () => ['kv/i/a', 'kv/i/none', 'kv/i/?recurse', 'kv/i/?keys', 'kv/i?keys', 'kv/?recurse', 'kv/none/?recurse', 'session/node/elsewhere', 'session/info/{a}', 'session/info/{b}'].map((path) => get(`/v1/${path}`))

export const kvScripts: readonly Script[] = [
  {
    name: 'kv: values',
    tellsIndexesApart: true,
    steps: [
      get('/v1/kv/none'), put('/v1/kv/a', 'one'), get('/v1/kv/a'), get('/v1/kv/a?raw'), get('/v1/kv/a?pretty'),
      put('/v1/kv/a', 'two'), get('/v1/kv/a'), put('/v1/kv/empty', ''), get('/v1/kv/empty'), get('/v1/kv/empty?raw'), put('/v1/kv/nobody'), get('/v1/kv/nobody'),
      put('/v1/kv/bytes', '\u0000\u0001é'), get('/v1/kv/bytes'), put('/v1/kv/%2Fslash', 'x'), get('/v1/kv/%2Fslash'), put('/v1/kv/a%20b', 'space'), get('/v1/kv/a%20b'),
      put('/v1/kv/plus+key', 'p'), get('/v1/kv/plus+key'), put('/v1/kv/%C3%BC', 'umlaut'), get('/v1/kv/%C3%BC'), get('/v1/kv/?keys'),
      del('/v1/kv/a'), get('/v1/kv/a'), del('/v1/kv/a'), del('/v1/kv/never'),
    ],
  },
  {
    name: 'kv: flags',
    tellsIndexesApart: true,
    steps: [
      put('/v1/kv/f?flags=42', 'x'), get('/v1/kv/f'), put('/v1/kv/f', 'y'), get('/v1/kv/f'), put('/v1/kv/f?flags=18446744073709551615', 'z'), get('/v1/kv/f'),
      put('/v1/kv/f?flags=18446744073709551616', 'z'), put('/v1/kv/f?flags=zz', 'z'), put('/v1/kv/f?flags=-1', 'z'), put('/v1/kv/f?flags=', 'z'), put('/v1/kv/f?flags', 'z'), get('/v1/kv/f'),
    ],
  },
  {
    name: 'kv: cas',
    tellsIndexesApart: true,
    steps: [
      put('/v1/kv/c?cas=0', 'first'), put('/v1/kv/c?cas=0', 'second'), get('/v1/kv/c?raw'), put('/v1/kv/c?cas=1', 'third'), put('/v1/kv/c?cas=999999', 'third'),
      put('/v1/kv/c?cas=zz', 'x'), put('/v1/kv/c?cas=', 'x'), put('/v1/kv/c?cas=-1', 'x'), put('/v1/kv/absent?cas=5', 'x'), get('/v1/kv/absent'),
      del('/v1/kv/c?cas=0'), del('/v1/kv/c?cas=1'), del('/v1/kv/c?cas=zz'), del('/v1/kv/c?cas='), del('/v1/kv/absent?cas=0'), del('/v1/kv/absent?cas=7'), get('/v1/kv/c?raw'),
      put('/v1/kv/c?cas=1&flags=3', 'x'), put('/v1/kv/c?release=b&flags=1&cas=5&acquire=%20*~(/)&pretty', 'x'), del('/v1/kv/c?cas=1&recurse'), del('/v1/kv/c?recurse&cas=3'),
    ],
  },
  {
    name: 'kv: prefixes',
    tellsIndexesApart: true,
    steps: [
      put('/v1/kv/p/a/x', '1'), put('/v1/kv/p/a/y', '2'), put('/v1/kv/p/b', '3'), put('/v1/kv/p/', '4'), put('/v1/kv/pq', '5'),
      get('/v1/kv/p?recurse'), get('/v1/kv/p/?recurse'), get('/v1/kv/p/a/?recurse=true'), get('/v1/kv/p?keys'), get('/v1/kv/p/?keys&separator=/'), get('/v1/kv/p?keys&separator=/'),
      get('/v1/kv/?keys&separator=/'), get('/v1/kv/?recurse'), get('/v1/kv/?keys'), get('/v1/kv/p/?keys&separator=a'), get('/v1/kv/p/?separator=/&keys=&recurse'), get('/v1/kv/p/?keys&separator=//'),
      get('/v1/kv/p/?recurse&raw'), get('/v1/kv/p/b?separator=/'), get('/v1/kv/zzz?recurse'), get('/v1/kv/zzz?keys'), get('/v1/kv/?raw'), get('/v1/kv/'), put('/v1/kv/', 'x'), del('/v1/kv/'),
      del('/v1/kv/p/a?recurse'), get('/v1/kv/p?keys'), del('/v1/kv/zzz?recurse'), del('/v1/kv/p/?recurse=false'), get('/v1/kv/?keys'), del('/v1/kv/?recurse'), get('/v1/kv/?keys'), get('/v1/kv/?recurse'), get('/v1/kv/?keys&separator=/'), get('/v1/kv/?keys&pretty'), get('/v1/kv/?keys&index=1&wait=10ms'),
    ],
  },
  {
    name: 'kv: indexes',
    tellsIndexesApart: true,
    steps: [
      get('/v1/kv/nothing'), get('/v1/kv/?recurse'), put('/v1/kv/i/a', '1'), put('/v1/kv/i/b', '2'), put('/v1/kv/j', '3'), ...indexes(),
      put('/v1/kv/i/a', '1'), ...indexes(), put('/v1/kv/i/a?flags=1', '1'), ...indexes(), put('/v1/kv/i/a?cas=1', 'no'), ...indexes(), put('/v1/kv/i/a?cas=0', 'no'), put('/v1/kv/i/c?cas=0', 'new'), ...indexes(),
      del('/v1/kv/i/a?cas=1'), ...indexes(), del('/v1/kv/i/a'), ...indexes(), del('/v1/kv/i/a'), ...indexes(), put('/v1/kv/i/a', 'again'), ...indexes(), del('/v1/kv/i/?recurse'), ...indexes(), del('/v1/kv/i/?recurse'), ...indexes(), put('/v1/kv/j', '4'), ...indexes(), del('/v1/kv/j'), ...indexes(),
      put('/v1/session/create', { LockDelay: '0s' }, { saveIdAs: 'a' }), put('/v1/session/create', { Behavior: 'delete', LockDelay: '0s' }, { saveIdAs: 'b' }), get('/v1/session/info/{a}'), get('/v1/session/info/{b}'), ...indexes(),
      put('/v1/kv/i/a?acquire={a}', 'x'), ...indexes(), put('/v1/kv/i/a?acquire={a}', 'x'), ...indexes(), put('/v1/kv/i/a?acquire={b}', 'y'), put('/v1/kv/i/a?release={b}', 'y'), ...indexes(), put('/v1/kv/i/a?release={a}', 'x'), ...indexes(), put('/v1/kv/i/a?acquire={a}', 'x'), put('/v1/kv/i/b?acquire={b}', 'x'), put('/v1/kv/i/c?acquire={b}', 'x'), ...indexes(),
      put('/v1/session/renew/{a}'), ...indexes(), put('/v1/session/destroy/{b}'), ...indexes(), put('/v1/session/destroy/{b}'), ...indexes(), put('/v1/session/destroy/{a}'), ...indexes(),
      put('/v1/txn', [{ KV: { Verb: 'set', Key: 'i/t', Value: base64('1') } }, { KV: { Verb: 'set', Key: 'j', Value: base64('1') } }, { KV: { Verb: 'get', Key: 'i/t' } }]), ...indexes(), put('/v1/txn', [{ KV: { Verb: 'set', Key: 'i/u', Value: base64('1') } }, { KV: { Verb: 'get', Key: 'none' } }]), ...indexes(),
      put('/v1/txn', [{ KV: { Verb: 'set', Key: 'i/t', Value: base64('1') } }]), ...indexes(), put('/v1/txn', [{ KV: { Verb: 'set', Key: 'i/v', Value: base64('1') } }, { KV: { Verb: 'delete', Key: 'i/v' } }]), ...indexes(), put('/v1/txn', [{ KV: { Verb: 'delete-tree', Key: 'i/' } }, { KV: { Verb: 'delete', Key: 'j' } }]), ...indexes(), put('/v1/txn', [{ KV: { Verb: 'delete', Key: 'i/none' } }]), ...indexes(),
    ],
  },
  {
    name: 'kv: consistency and blocking arguments',
    tellsIndexesApart: true,
    steps: [
      put('/v1/kv/k', 'v'), get('/v1/kv/k?consistent'), get('/v1/kv/k?stale'), get('/v1/kv/k?consistent=true'), get('/v1/kv/k?stale&consistent'), get('/v1/kv/k?stale=1&consistent=1'),
      get('/v1/kv/k?index=abc'), get('/v1/kv/k?index=-1'), get('/v1/kv/k?index='), get('/v1/kv/k?index=0'), get('/v1/kv/k?index=1'), get('/v1/kv/k?index=1&wait=10ms'),
      get('/v1/kv/k?index=1&wait=abc'), get('/v1/kv/k?wait=10'), get('/v1/kv/k?wait='), get('/v1/kv/k?wait=-1s'), get('/v1/kv/k?wait=1h'), get('/v1/kv/k?index=99999999&wait=50ms'),
      get('/v1/kv/missing?index=99999999&wait=50ms'), get('/v1/kv/k?index=1.5'), get('/v1/kv/k?index=18446744073709551615&wait=10ms'), get('/v1/kv/k?index=%2B1'), get('/v1/kv/k?index=0000000000000000000000000'), get('/v1/kv/k?index=18446744073709551616'), get('/v1/kv/k?max_stale=abc'), get('/v1/kv/k?stale&max_stale=1s'), get('/v1/kv/k?max_stale=10m'),
      get('/v1/kv/k?dc=dc1'), get('/v1/kv/k?dc=dc9'), put('/v1/kv/k?dc=dc9', 'x'), del('/v1/kv/k?dc=dc9'), get('/v1/kv/?dc=dc9'), put('/v1/kv/?dc=dc9', 'x'), del('/v1/kv/?dc=dc9'), put('/v1/kv/k?dc=dc9&cas=x', 'x'), put('/v1/kv/k?dc=dc9&flags=x', 'x'), put('/v1/kv/k?dc=dc9&cas=1&acquire=x', 'x'), put('/v1/kv/k?acquire=x&flags=x', 'x'), put('/v1/kv/k?acquire=x&dc=dc9', 'x'), del('/v1/kv/k?dc=dc9&cas=x'), put('/v1/kv/?cas=1&acquire=x', 'x'), get('/v1/kv/k?dc='), get('/v1/kv/k?token=abc'), get('/v1/kv/k?unknown=1'), get('/v1/kv/k?index=1&index=2'),
    ],
  },
  {
    name: 'kv: limits and methods',
    tellsIndexesApart: true,
    steps: [
      put('/v1/kv/large', 'x'.repeat(valueBytesMax)), put('/v1/kv/large', 'x'.repeat(valueBytesMax + 1)), put('/v1/kv/large?cas=0', 'x'.repeat(valueBytesMax + 1)),
      any('POST', '/v1/kv/k', 'x'), any('HEAD', '/v1/kv/k'), any('PATCH', '/v1/kv/k', 'x'), any('OPTIONS', '/v1/kv/k'), any('TRACE', '/v1/kv/k'),
      get('/v1/kv'), get('/v1/kv//a'), get('/v1/kv/a/../b'), get('/v1//kv/a'), put('/v1/kv/a//b', 'x'), get('/v1/kv/./a'), put(`/v1/kv/${'k'.repeat(512)}`, 'x'), get(`/v1/kv/${'k'.repeat(512)}?raw`),
      put(`/v1/kv/${'long/'.repeat(20_000)}`, 'x'), get(`/v1/kv/${'long/'.repeat(20_000)}`), get('http://elsewhere:80/v1/kv/a'), get('/v1/kv/a%2F..%2Fb'), put('/v1//kv/a', 'x'), any('HEAD', '/v1//kv/a'), del('/v1//kv/a'), get('/v1//kv/a$&+,:;=@!()*~%20%C3%BC%3F<b?raw&x=%20<'), get('/v1/kv/%01'), get('/v1/kv/%ff'), get('/v1/kv/%zz'), put('/v1/kv/%', 'x'), get('/v1/kv/k?%zz'), put('/v1/kv/k?flags=%', 'x'), del('/v1/kv/k?a=%4'), any('OPTIONS', '/v1/kv/k?%zz'), any('POST', '/v1/kv/k?%zz'), get('/v1//kv/k?%zz'), get('/v1/nope?%zz'), get('/v1/kv/k?a;b'), get('/v1/kv/k?stale;consistent'), get('/v1/kv/k?=1&&raw'), put('/v1/kv/k', 'x', { headers: { 'content-type': 'application/json' } }),
    ],
  },
]

export const miscellaneousScripts: readonly Script[] = [
  {
    name: 'status and unknown paths',
    steps: [
      get('/v1/status/leader'), get('/v1/status/peers'), any('PUT', '/v1/status/leader'), any('POST', '/v1/status/peers'), any('OPTIONS', '/v1/status/leader'), any('HEAD', '/v1/status/leader'),
      get('/v1/status'), get('/v1/status/'), get('/v1/status/nope'), get('/v1'), get('/v1/'), get('/v1/nope'), get('/v2/kv/a'), get('/nope'), any('PUT', '/nope'), get('/v1/status/leader/'), get('/v1/status/leader?pretty'),
      get('/v1/status/leader?dc=dc9'), get('/v1/status/leader?stale&consistent'), get('/v1/status/leader?index=x'), get('/v1/status/leader?wait=x'), get('/v1/status/leader?max_stale=x'), get('/v1/status/leader?index=5&wait=1s'), get('/v1/status/peers?dc=dc9'), get('/v1/status/peers?stale&consistent'), get('/v1/status/peers?dc=dc1'), get('/v1/status/peers?pretty'), get('/v1/kv/x?recurse=1', undefined, { headers: { 'accept-encoding': 'identity' } }), any('FROB', '/v1/kv/a'),
    ],
  },
]
