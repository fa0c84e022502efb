import t from 'tap'
import { VirtualCluster } from '../testing/virtual-cluster.ts'

/** What a Consul 1.8 answers: method, target, body → status, body, headers that matter. */
interface Row {
  readonly request: readonly [method: string, target: string, body?: string]
  readonly status: number
  readonly body?: string | RegExp
  readonly headers?: Readonly<Record<string, string | RegExp>>
}

const json = { 'Content-Type': 'application/json' }
const plain = { 'Content-Type': 'text/plain; charset=utf-8' }
const read = { 'X-Consul-Index': /^[1-9]\d*$/, 'X-Consul-Knownleader': 'true', 'X-Consul-Lastcontact': '0' }

const rows: Row[] = [
  { request: ['GET', '/v1/kv/foo'], status: 404, body: '', headers: read },
  { request: ['PUT', '/v1/kv/foo?flags=42', 'bar'], status: 200, body: 'true', headers: json },
  { request: ['GET', '/v1/kv/foo'], status: 200, headers: { ...json, ...read }, body: /^\[\{"LockIndex":0,"Key":"foo","Flags":42,"Value":"YmFy","CreateIndex":\d+,"ModifyIndex":\d+\}\]$/ },
  { request: ['GET', '/v1/kv/foo?pretty'], status: 200, body: /^\[\n {4}\{\n {8}"LockIndex": 0,[^]*\n\]\n$/ },
  { request: ['GET', '/v1/kv/foo?raw'], status: 200, body: 'bar', headers: { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff', 'Content-Security-Policy': 'sandbox' } },
  { request: ['PUT', '/v1/kv/max?flags=18446744073709551615', 'x'], status: 200, body: 'true' },
  { request: ['GET', '/v1/kv/max'], status: 200, body: /"Flags":18446744073709551615,/ },
  { request: ['PUT', '/v1/kv/empty'], status: 200, body: 'true' },
  { request: ['GET', '/v1/kv/empty'], status: 200, body: /"Value":null,/ },
  { request: ['PUT', '/v1/kv/foo?cas=0', 'new'], status: 200, body: 'false' },
  { request: ['PUT', '/v1/kv/fresh?cas=0', 'new'], status: 200, body: 'true' },
  { request: ['PUT', '/v1/kv/foo?cas=99999999999999999999', 'x'], status: 500, body: 'strconv.ParseUint: parsing "99999999999999999999": value out of range' },
  { request: ['PUT', '/v1/kv/foo?flags=zz', 'x'], status: 500, body: 'strconv.ParseUint: parsing "zz": invalid syntax', headers: plain },
  { request: ['PUT', '/v1/kv/foo?cas=1&acquire=a', 'x'], status: 400, body: 'Conflicting flags: acquire=a&cas=1' },
  { request: ['PUT', '/v1/kv/foo?release=b&flags=1&cas=5&acquire=%20*~(', 'x'], status: 400, body: 'Conflicting flags: acquire=+%2A~%28&cas=5&flags=1&release=b' },
  { request: ['PUT', '/v1/kv/foo?dc=dc9&cas=zz', 'x'], status: 500, body: 'strconv.ParseUint: parsing "zz": invalid syntax' },
  { request: ['DELETE', '/v1/kv/?dc=dc9'], status: 400, body: 'Missing key name' },
  { request: ['PUT', '/v1/kv/foo?acquire=', 'x'], status: 500, body: 'missing session' },
  { request: ['PUT', '/v1/kv/foo?acquire=7b6c0a8e-0000-0000-0000-000000000000', 'x'], status: 500, body: 'invalid session "7b6c0a8e-0000-0000-0000-000000000000"' },
  { request: ['PUT', '/v1/kv/', 'x'], status: 400, body: 'Missing key name' },
  { request: ['GET', '/v1/kv/'], status: 400, body: 'Missing key name' },
  { request: ['DELETE', '/v1/kv/'], status: 400, body: 'Missing key name' },
  { request: ['GET', '/v1/kv/foo?consistent&stale'], status: 400, body: 'Cannot specify ?stale with ?consistent, conflicting semantics.' },
  { request: ['GET', '/v1/kv/foo?stale='], status: 200, headers: { 'X-Consul-Knownleader': 'true' } },
  { request: ['GET', '/v1/kv/foo?max_stale=abc'], status: 400, body: 'Invalid max_stale value "abc"' },
  { request: ['GET', '/v1/kv/foo?index=abc'], status: 400, body: 'Invalid index' },
  { request: ['GET', '/v1/kv/foo?index=18446744073709551616'], status: 400, body: 'Invalid index' },
  { request: ['GET', '/v1/kv/foo?index=00000000000000000000000'], status: 200 },
  { request: ['GET', '/v1/kv/foo?stale;consistent'], status: 400 },
  { request: ['GET', '/v1/kv/foo?a=%4'], status: 500, body: '' },
  { request: ['POST', '/v1/kv/foo?%zz'], status: 500, body: '' },
  { request: ['GET', '/v1/nothing?%zz'], status: 404, body: '' },
  { request: ['GET', '/v1/kv/foo?index=-1'], status: 400, body: 'Invalid index' },
  { request: ['GET', '/v1/kv/foo?wait=10'], status: 400, body: 'Invalid wait time' },
  { request: ['GET', '/v1/kv/foo?dc=dc9'], status: 500, body: 'No path to datacenter' },
  { request: ['GET', '/v1/kv/foo?dc=dc1'], status: 200 },

  { request: ['PUT', '/v1/kv/a/x/1', '1'], status: 200 },
  { request: ['PUT', '/v1/kv/a/x/2', '2'], status: 200 },
  { request: ['PUT', '/v1/kv/a/z', '3'], status: 200 },
  { request: ['GET', '/v1/kv/a/?keys'], status: 200, body: '["a/x/1","a/x/2","a/z"]', headers: read },
  { request: ['GET', '/v1/kv/a/?keys&separator=/'], status: 200, body: '["a/x/","a/z"]' },
  { request: ['GET', '/v1/kv/a/?keys&recurse'], status: 200, body: '["a/x/1","a/x/2","a/z"]' },
  { request: ['GET', '/v1/kv/nothing/?keys'], status: 404, body: '' },
  { request: ['GET', '/v1/kv/a/x?recurse'], status: 200, body: /^\[\{[^]*"Key":"a\/x\/1"[^]*"Key":"a\/x\/2"[^]*\]$/ },
  { request: ['GET', '/v1/kv/nothing?recurse'], status: 404, body: '' },
  { request: ['DELETE', '/v1/kv/a/z?cas=1'], status: 200, body: 'false' },
  { request: ['DELETE', '/v1/kv/a/z?cas=0'], status: 200, body: 'false' },
  { request: ['DELETE', '/v1/kv/a/z?cas=3&recurse'], status: 400, body: 'Conflicting flags: cas=3&recurse=' },
  { request: ['DELETE', '/v1/kv/a/?recurse'], status: 200, body: 'true' },
  { request: ['GET', '/v1/kv/a/?recurse'], status: 404 },
  { request: ['GET', '/v1/kv/a/?keys'], status: 404, body: '' },
  { request: ['DELETE', '/v1/kv/absent?cas=0'], status: 200, body: 'true' },
  { request: ['DELETE', '/v1/kv/absent'], status: 200, body: 'true' },

  { request: ['PUT', '/v1/kv/sp%20ace%2Fand%2Fslash%3F', 'x'], status: 200, body: 'true' },
  { request: ['GET', '/v1/kv/sp%20ace/and/slash%3F'], status: 200, body: /"Key":"sp ace\/and\/slash\?"/ },
  { request: ['PUT', '/v1/kv/%3Ctag%3E', 'x'], status: 200 },
  { request: ['GET', '/v1/kv/%3Ctag%3E'], status: 200, body: /"Key":"\\u003ctag\\u003e"/ },
  { request: ['PUT', '/v1/kv/gr%C3%BC%C3%9Fe', 'x'], status: 200 },
  { request: ['GET', '/v1/kv/gr%C3%BC%C3%9Fe?keys'], status: 200, body: '["grüße"]' },

  { request: ['GET', '/v1/kv'], status: 301, headers: { Location: '/v1/kv/', 'Content-Type': 'text/html; charset=utf-8' }, body: '<a href="/v1/kv/">Moved Permanently</a>.\n\n' },
  { request: ['HEAD', '/v1/kv'], status: 301, headers: { Location: '/v1/kv/', 'Content-Type': 'text/html; charset=utf-8' }, body: '' },
  { request: ['PUT', '/v1/kv'], status: 301, body: '' },
  { request: ['GET', '/v1//kv/a$&+,:;=@!()*~%20%C3%BC<b?x=<&y'], status: 301, headers: { Location: '/v1/kv/a$&+,:;=@%21%28%29%2A~%20%C3%BC%3Cb?x=<&y' }, body: '<a href="/v1/kv/a$&amp;+,:;=@%21%28%29%2A~%20%C3%BC%3Cb?x=&lt;&amp;y">Moved Permanently</a>.\n\n' },
  { request: ['GET', '/v1/kv?recurse'], status: 301, headers: { Location: '/v1/kv/?recurse' } },
  { request: ['GET', '/v1/session/info'], status: 301, headers: { Location: '/v1/session/info/' } },
  { request: ['GET', '/v1/session'], status: 404, body: '' },
  { request: ['GET', '/v1//kv/foo?raw'], status: 301, headers: { Location: '/v1/kv/foo?raw' } },
  { request: ['GET', '/v1/kv/a/../foo'], status: 301, headers: { Location: '/v1/kv/foo' } },
  { request: ['GET', '/v1/kv/%01'], status: 400, body: '' },
  { request: ['GET', '/v1/kv/%zz'], status: 400, body: '400 Bad Request', headers: plain },
  { request: ['GET', '/v1/nothing'], status: 404, body: '' },
  { request: ['POST', '/v1/kv/foo'], status: 405, body: 'method POST not allowed', headers: { Allow: 'OPTIONS,GET,PUT,DELETE' } },
  { request: ['HEAD', '/v1/kv/foo'], status: 405, headers: { Allow: 'OPTIONS,GET,PUT,DELETE' } },
  { request: ['OPTIONS', '/v1/kv/foo'], status: 200, body: '', headers: { Allow: 'OPTIONS,GET,PUT,DELETE' } },
  { request: ['PUT', '/v1/status/leader'], status: 405, headers: { Allow: 'OPTIONS,GET' } },
  { request: ['GET', '/v1/status/leader'], status: 200, body: '"n1:8300"', headers: json },
  { request: ['GET', '/v1/status/leader?dc=dc9'], status: 500, body: 'No path to datacenter' },
  { request: ['GET', '/v1/status/leader?stale&consistent'], status: 400 },
  { request: ['GET', '/v1/status/peers?index=x'], status: 400, body: 'Invalid index' },
  { request: ['GET', '/v1/status/peers'], status: 200, body: '["n1:8300"]' },
  { request: ['GET', '/v1/agent/self'], status: 200, body: /"Config":\{"Datacenter":"dc1","NodeName":"n1"[^]*"state":"Leader"/ },
]

t.test('what Consul answers', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  for (const { request: [method, target, body], status, body: wantedBody, headers = {} } of rows) {
    const response = cluster.ask('n1', method, target, body)
    const name = `${method} ${target}`
    t.equal(response.status, status, `${name}: status`)
    const text = Buffer.from(response.body as Uint8Array).toString()
    if (typeof wantedBody === 'string') t.equal(text, wantedBody, `${name}: body`)
    else if (wantedBody !== undefined) t.match(text, wantedBody, `${name}: body`)
    t.match(response.headers, headers, `${name}: headers`)
  }
})

t.test('values up to 512 KiB, no larger', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  t.equal(cluster.ask('n1', 'PUT', '/v1/kv/big', 'x'.repeat(524_288)).status, 200)
  const response = cluster.ask('n1', 'PUT', '/v1/kv/big', 'x'.repeat(524_289))
  t.equal(response.status, 413)
  t.equal(response.body, 'Request body(524289 bytes) too large, max size: 524288 bytes. See https://www.consul.io/docs/agent/options.html#kv_max_value_size.')
  t.equal(response.headers['Connection'], 'close')
})

t.test('indexes: an unchanged write keeps its index, a delete moves its prefix, a missing key has the table\'s', async (t) => {
  const cluster = new VirtualCluster(1)
  cluster.elect()
  const index = (target: string) => Number(cluster.ask('n1', 'GET', target).headers['X-Consul-Index'])
  cluster.ask('n1', 'PUT', '/v1/kv/p/a', '1')
  const first = index('/v1/kv/p/a')
  cluster.ask('n1', 'PUT', '/v1/kv/p/a', '1')
  t.equal(index('/v1/kv/p/a'), first)
  cluster.ask('n1', 'PUT', '/v1/kv/p/b', '2')
  t.equal(index('/v1/kv/p/a'), first)
  t.equal(index('/v1/kv/missing'), index('/v1/kv/p/b'))
  const before = index('/v1/kv/p/?recurse')
  cluster.ask('n1', 'DELETE', '/v1/kv/p/b')
  t.ok(index('/v1/kv/p/?recurse') > before)
})
