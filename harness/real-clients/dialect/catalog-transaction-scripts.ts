import { get, put, type Script } from './step.ts'

const node = (Verb: string, Node: object) => ({ Node: { Verb, Node } })
const service = (Verb: string, Node: string, Service: object) => ({ Service: { Verb, Node, Service } })
const check = (Verb: string, Check: object) => ({ Check: { Verb, Check } })
const id = '11111111-2222-3333-4444-666666666666'
const one = (operation: object) => put('/v1/txn', [operation])

export const catalogTransactionScripts: readonly Script[] = [
  {
    name: 'txn: nodes',
    steps: [
      ...[
        node('set', { Node: 'n', Address: '1.2.3.4' }), node('get', { Node: 'n' }), node('get', { Node: 'nope' }), node('get', {}), node('set', {}), node('set', { Node: 'noaddr' }), node('set', { Node: 'm', ID: 'bad', Address: '1.2.3.4' }), node('set', { Node: 'm', ID: id, Address: '1.2.3.4', Meta: { a: 'b' }, TaggedAddresses: { lan: '1.2.3.4' }, Datacenter: 'dc1' }),
        node('get', { ID: id }), node('get', { ID: '11111111-2222-3333-4444-777777777777' }), node('get', { ID: id, Node: 'other' }), node('cas', { Node: 'n', Address: '1.2.3.5', ModifyIndex: 1 }), node('cas', { Node: 'new', Address: '1.2.3.5', ModifyIndex: 0 }), node('cas', { Node: 'new', Address: '1.2.3.6', ModifyIndex: 0 }), node('delete-cas', { Node: 'new', ModifyIndex: 1 }), node('delete-cas', { Node: 'nope', ModifyIndex: 1 }),
        node('delete', { Node: 'new' }), node('delete', { Node: 'nope' }), node('delete', {}), node('zap', { Node: 'n' }), { Node: { Verb: 'set' } }, { Node: {} }, { Node: { Verb: 5 } }, { Node: { Verb: 'set', Node: 5 } }, node('set', { Node: 5 }), node('set', { Zap: 5 }), { Node: 5 }, { Node: { Verb: 'set', Zap: 1 } },
      ].map(one),
      get('/v1/catalog/nodes?filter=Node!=n1'),
    ],
  },
  {
    name: 'txn: services and checks',
    steps: [
      ...[
        node('set', { Node: 'n', Address: '1.2.3.4' }), service('set', 'n', { ID: 's1', Service: 's', Tags: ['a'], Port: 80, Meta: { a: 'b' }, Address: '10.0.0.1' }), service('get', 'n', { ID: 's1' }), service('get', 'n', { ID: 'nope' }), service('get', 'nope', { ID: 's1' }), service('set', 'nope', { ID: 's1', Service: 's' }), service('set', 'n', { ID: 's2' }), service('set', 'n', { Service: 'only' }), service('get', 'n', { ID: '' }), service('set', '', { ID: 's1', Service: 's' }),
        service('cas', 'n', { ID: 's1', Service: 's', ModifyIndex: 1 }), service('cas', 'n', { ID: 's3', Service: 's', ModifyIndex: 0 }), service('delete-cas', 'n', { ID: 's3', ModifyIndex: 1 }), service('delete-cas', 'n', { ID: 's3', Service: 's', ModifyIndex: 1 }), service('delete', 'n', { ID: 's3' }), service('delete', 'n', { ID: 's3', Service: 's' }), service('delete', 'nope', { ID: 's3', Service: 's' }), service('zap', 'n', { ID: 's1', Service: 's' }), { Service: { Verb: 'set', Node: 'n' } }, { Service: {} },
        { Service: { Verb: 'set', Node: 5 } }, service('set', 'n', { Port: 'x' }), service('set', 'n', { Zap: 'x' }), service('set', 'n', { ID: 's1', Service: 's', Weights: { Passing: 5 }, EnableTagOverride: true }),
        check('set', { Node: 'n', CheckID: 'c1', Name: 'c', Status: 'passing' }), check('set', { Node: 'n', CheckID: 'c2', Name: 'c', Status: 'critical', ServiceID: 's1', Notes: 'n', Output: 'o', Definition: { HTTP: 'http://x', Interval: '10s', Timeout: '5s' } }), check('get', { Node: 'n', CheckID: 'c2' }), check('get', { Node: 'n', CheckID: 'nope' }), check('get', { Node: 'nope', CheckID: 'c1' }), check('set', { Node: 'nope', CheckID: 'c1', Name: 'c' }), check('set', { Node: 'n', CheckID: 'c3', Name: 'c', ServiceID: 'nope' }),
        check('set', { Node: 'n', Name: 'noid' }), check('set', { Node: 'n', CheckID: 'c4' }), check('cas', { Node: 'n', CheckID: 'c1', Name: 'c', ModifyIndex: 1 }), check('cas', { Node: 'n', CheckID: 'c5', Name: 'c', Status: 'passing', ModifyIndex: 0 }), check('delete-cas', { Node: 'n', CheckID: 'c5', ModifyIndex: 1 }), check('delete-cas', { Node: 'n', CheckID: 'nope', ModifyIndex: 1 }), check('delete', { Node: 'n', CheckID: 'c5' }), check('delete', { Node: 'n', CheckID: 'nope' }), check('delete', { Node: 'nope', CheckID: 'nope' }),
        check('zap', { Node: 'n', CheckID: 'c1' }), { Check: { Verb: 'set' } }, { Check: {} }, check('set', { Node: 'n', CheckID: 'c6', Definition: { Interval: 'x' } }), check('set', { Node: 'n', CheckID: 'c6', Name: 'x', Definition: { IntervalDuration: '10s', Header: { a: ['b'] }, TLSSkipVerify: true, Method: 'GET', DeregisterCriticalServiceAfterDuration: '10s' } }), check('set', { Zap: 5 }), check('set', { CheckID: 5 }),
      ].map(one),
      get('/v1/health/node/n'), get('/v1/catalog/node/n'),
    ],
  },
  {
    name: 'txn: keys, nodes, services and checks together',
    steps: [
      put('/v1/txn', [node('set', { Node: 't', Address: '1.1.1.1' }), service('set', 't', { ID: 's', Service: 's' }), check('set', { Node: 't', CheckID: 'c', Name: 'c', ServiceID: 's', Status: 'passing' }), { KV: { Verb: 'set', Key: 'k', Value: 'eA==' } }, service('get', 't', { ID: 's' })]),
      put('/v1/txn', [node('set', { Node: 'u', Address: '1.1.1.1' }), service('set', 'nope', { ID: 's', Service: 's' }), { KV: { Verb: 'get', Key: 'none' } }]), get('/v1/catalog/node/u'), put('/v1/txn', [node('get', { Node: 't' }), check('get', { Node: 't', CheckID: 'c' })]), put('/v1/txn?stale', [node('get', { Node: 't' })]),
      one({ ...node('get', { Node: 't' }), KV: { Verb: 'get', Key: 'k' } }), one({ ...node('get', { Node: 't' }), ...service('get', 't', { ID: 's' }) }), one({ ...service('get', 't', { ID: 's' }), ...check('get', { Node: 't', CheckID: 'c' }) }), put('/v1/txn', [node('delete', { Node: 't' }), node('get', { Node: 't' })]), get('/v1/catalog/node/t'), get('/v1/health/node/t'),
      put('/v1/txn', [{ KV: { Verb: 'delete', Key: 'k' } }, node('delete', { Node: 't' }), check('get', { Node: 't', CheckID: 'c' })]), get('/v1/kv/k?raw'), put('/v1/txn', [{ KV: { Verb: 'delete', Key: 'k' } }, node('delete', { Node: 't' })]), get('/v1/kv/k'), get('/v1/catalog/node/t'), put('/v1/txn', Array.from({ length: 64 }, (_, i) => node('set', { Node: `many-${i}`, Address: '1.1.1.1' }))), put('/v1/txn', Array.from({ length: 65 }, (_, i) => node('set', { Node: `many-${i}`, Address: '1.1.1.1' }))),
    ],
  },
]
