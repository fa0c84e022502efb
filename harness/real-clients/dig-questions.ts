/** What `dig` is to ask, and of which catalog: the same for members of ours and for a real Consul. */

export interface Registration {
  readonly Node: string
  readonly Address: string
  readonly NodeMeta?: Readonly<Record<string, string>>
  readonly Service?: object
  readonly Checks?: readonly object[]
}

const serviceCheck = (Node: string, ServiceID: string, Status: string) => ({ Node, ServiceID, CheckID: `check:${ServiceID}`, Name: 'check', Status })

const foo = { Node: 'foo', Address: '10.0.0.1', NodeMeta: { rack: 'r1', 'rfc1035-note': 'as it is' } }

/** Bodies of `PUT /v1/catalog/register`. Nodes and services of every kind that an answer depends on. */
export const registrations: readonly Registration[] = [
  { ...foo, Service: { Service: 'redis', ID: 'redis1', Port: 6379, Tags: ['primary', 'v1.2'] } },
  { Node: 'bar', Address: '10.0.0.2', Service: { Service: 'redis', ID: 'redis2', Port: 6380, Address: '10.0.0.33', Tags: ['replica'], Weights: { Passing: 5, Warning: 2 } }, Checks: [serviceCheck('bar', 'redis2', 'warning')] },
  { Node: 'bar', Address: '10.0.0.2', Service: { Service: 'redis', ID: 'redis3', Port: 6381, Tags: ['replica'] }, Checks: [serviceCheck('bar', 'redis3', 'critical')] },
  { Node: 'bar', Address: '10.0.0.2', Service: { Service: 'down', ID: 'down', Port: 1 }, Checks: [serviceCheck('bar', 'down', 'critical')] },
  { Node: 'six', Address: 'fd00::6', Service: { Service: 'web', ID: 'web', Port: 80, Tags: ['Blue'] } },
  { ...foo, Service: { Service: 'web', ID: 'web', Port: 8080 } },
  { ...foo, Service: { Service: 'v6only', ID: 'v6only', Port: 81, Address: 'fd00::7' } },
  { ...foo, Service: { Service: 'outside', ID: 'outside', Port: 443, Address: 'www.example.com' } },
  { Node: 'named', Address: 'host.example.com', Service: { Service: 'onnamed', ID: 'onnamed', Port: 5 } },
  { Node: 'MiXed', Address: '10.0.0.7', Service: { Service: 'Api', ID: 'api', Port: 9, Tags: ['v1.2.3'] } },
  { Node: 'sick', Address: '10.0.0.8', Service: { Service: 'onsick', ID: 'onsick', Port: 5 }, Checks: [{ Node: 'sick', CheckID: 'disk', Name: 'disk', Status: 'critical' }] },
  ...Array.from({ length: 30 }, (_, i): Registration => ({ Node: `m${i}`, Address: `10.1.0.${i + 1}`, Service: { Service: 'many', ID: 'many', Port: 1000 } })),
]

/** Arguments of dig, without EDNS where it is not what is asked about. */
export const questions: readonly string[] = [
  // Nodes.
  'foo.node.consul A', 'foo.node.dc1.consul A', 'FOO.Node.Consul A', 'foo.node.consul AAAA', 'foo.node.consul TXT', 'foo.node.consul ANY +notcp', 'foo.node.consul SRV', 'foo.node.consul MX',
  'foo.node.consul PTR', 'six.node.consul A', 'six.node.consul AAAA', 'six.node.consul ANY +notcp', 'named.node.consul A', 'named.node.consul AAAA', 'named.node.consul ANY +notcp', 'named.node.consul CNAME',
  'mixed.node.consul A', 'sick.node.consul A', 'none.node.consul A', 'none.node.consul AAAA', 'none.node.consul SRV', 'none.node.consul CNAME', 'none.node.consul TXT', 'none.node.consul ANY +notcp', 'none.node.consul AXFR', 'foo.node.dc9.consul A', 'a.foo.node.consul A',
  // Services.
  'redis.service.consul A', 'redis.service.consul AAAA', 'redis.service.consul SRV', 'redis.service.consul ANY +notcp', 'redis.service.consul TXT', 'redis.service.consul MX', 'redis.service.consul CNAME', 'redis.service.consul PTR',
  'redis.service.dc1.consul SRV', 'redis.service.dc9.consul A', 'REDIS.service.consul SRV', 'web.service.consul A', 'web.service.consul AAAA', 'web.service.consul SRV', 'web.service.consul ANY +notcp', 'v6only.service.consul A', 'v6only.service.consul AAAA', 'v6only.service.consul SRV',
  'outside.service.consul A', 'outside.service.consul AAAA', 'outside.service.consul SRV', 'outside.service.consul ANY +notcp', 'outside.service.consul CNAME', 'outside.service.consul MX', 'outside.service.consul TXT', 'onnamed.service.consul A', 'onnamed.service.consul SRV', 'onnamed.service.consul ANY +notcp', 'onnamed.service.consul AAAA', 'onnamed.service.consul TXT', 'api.service.consul A', 'Api.service.consul SRV',
  'none.service.consul A', 'none.service.consul SRV', 'down.service.consul A', 'down.service.consul SRV', 'onsick.service.consul A', 'onsick.service.consul AAAA', 'none.redis.service.consul SRV', '_redis._tcp.service.consul AAAA', 'service.consul A', 'service.consul SRV', 'node.consul A', 'addr.consul A',
  // Tags, and RFC 2782.
  'primary.redis.service.consul A', 'replica.redis.service.consul SRV', 'v1.2.redis.service.consul SRV', 'v1.2.3.api.service.consul A', 'blue.web.service.consul AAAA', 'BLUE.web.service.consul SRV', 'none.redis.service.consul A',
  '_redis._tcp.service.consul SRV', '_redis._primary.service.consul SRV', '_redis._udp.service.consul SRV', '_redis._tcp.service.dc1.consul SRV', '_redis._replica.service.consul A', '_web._blue.service.consul SRV', '_none._tcp.service.consul SRV',
  // Addresses as names, and back.
  '0a000001.addr.consul A', '0a000001.addr.dc1.consul A', '0A000001.addr.consul A', '0a000001.addr.consul AAAA', '0a000001.addr.consul SRV', '0a000001.addr.consul ANY +notcp', '0a000001.addr.consul TXT', 'fd000000000000000000000000000007.addr.consul AAAA',
  'fd000000000000000000000000000007.addr.consul A', 'zz.addr.consul A', '-x 10.0.0.1', '-x 10.0.0.33', '-x 10.0.0.2', '-x fd00::6', '-x fd00::7', '-x 10.9.9.9', '1.0.0.10.in-addr.arpa ANY', '1.0.0.10.in-addr.arpa A',
  // The zone, other zones, and what is none of ours.
  'consul A', 'none.consul A', 'none.consul SRV', 'consul MX', 'example.com A', 'example.com MX', '. NS', 'other.query.consul A', 'a.connect.consul A',
  // Flags and EDNS.
  'foo.node.consul A +norecurse', 'foo.node.consul A +dnssec', 'foo.node.consul A +adflag', 'foo.node.consul A +cdflag', 'foo.node.consul A +bufsize=1232', 'foo.node.consul A +bufsize=100', 'none.node.consul A +bufsize=4096', 'redis.service.consul SRV +bufsize=4096',
  'foo.node.consul A +nsid', 'foo.node.consul A +cookie', 'foo.node.consul A +subnet=10.0.0.0/24', 'foo.node.consul A +edns=1 +noednsneg', 'foo.node.consul A +opcode=status', 'foo.node.consul A +opcode=update', 'foo.node.consul A +tcp', 'redis.service.consul SRV +tcp', 'none.node.consul A +cdflag', 'example.com A +cdflag', '-c CH foo.node.consul A', '-c ANY foo.node.consul A',
]
