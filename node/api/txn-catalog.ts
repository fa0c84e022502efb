import type { TxnResult } from '../state/txn.ts'
import type { CatalogOperation } from '../state/txn-catalog.ts'
import { checkFields } from './catalog-body.ts'
import { checkJson, nodeJson, serviceJson } from './catalog-json.ts'
import { DefinitionFields, type GoObject, goService, isCheckStatus, numbersProblem, serviceFields } from './definition-fields.ts'
import { DecodeError, type JsonFields, typeName } from './json-body.ts'
import { kvToJson } from './kv.ts'

/** Operations of `/v1/txn` on the catalog, and what comes of each. */

const goOperation = (name: 'Node' | 'Service' | 'Check'): GoObject => ({
  path: `${name}TxnOp.${name}`, fields: { Verb: `api.${name}Op`, [name]: name === 'Node' ? 'api.Node' : name === 'Service' ? 'api.AgentService' : 'api.HealthCheck' },
})
const nodeNames = ['ID', 'Node', 'Address', 'Datacenter', 'TaggedAddresses', 'Meta', 'CreateIndex', 'ModifyIndex']
const serviceNames = [
  'Kind', 'ID', 'Service', 'Tags', 'Meta', 'Port', 'Address', 'TaggedAddresses', 'Weights', 'EnableTagOverride', 'CreateIndex', 'ModifyIndex', 'ContentHash', 'Proxy', 'Connect', 'Namespace',
]
const checkNames = ['Node', 'CheckID', 'Name', 'Status', 'Notes', 'Output', 'ServiceID', 'ServiceName', 'ServiceTags', 'Type', 'Namespace', 'Definition', 'CreateIndex', 'ModifyIndex']

/** In the order in which Consul looks for them: the first counts. Throws DecodeError. */
export function parseCatalogOperations(operation: JsonFields): CatalogOperation[] {
  return (['Node', 'Service', 'Check'] as const).flatMap((name) => {
    const value = operation.get(name)
    if (value === undefined) return []
    if (typeof value !== 'object' || Array.isArray(value)) throw new DecodeError(`json: cannot unmarshal ${typeName(value)} into Go struct field TxnOp.${name} of type api.${name}TxnOp`)
    return parsers[name](new DefinitionFields(value, goOperation(name)))
  })
}

const parsers: Readonly<Record<'Node' | 'Service' | 'Check', (fields: DefinitionFields) => CatalogOperation>> = {
  Node(outer) {
    const fields = outer.only(['Verb', 'Node']).object('Node', { path: 'Node.Node.Node' }) ?? nothing
    fields.only(nodeNames).text('Datacenter')
    return {
      kind: 'node', verb: outer.text('Verb'), index: fields.index('ModifyIndex'),
      node: { id: fields.text('ID'), name: fields.text('Node'), address: fields.text('Address'), taggedAddresses: fields.textMap('TaggedAddresses'), meta: fields.textMap('Meta') },
    }
  },
  Service(outer) {
    const go = goService('AgentService', '.Service.Service')
    const fields = outer.only(['Verb', 'Node', 'Service']).object('Service', { ...go, fields: { ...go.fields, Kind: 'api.ServiceKind', Weights: 'api.AgentWeights' } }) ?? nothing
    const service = serviceFields(fields.only(serviceNames), fields.text('Service'), '.Service.Service')
    const problem = numbersProblem(service)
    if (problem !== null) throw new DecodeError(problem)
    return { kind: 'service', verb: outer.text('Verb'), node: outer.text('Node'), service, index: fields.index('ModifyIndex') }
  },
  Check(outer) {
    const fields = outer.only(['Verb', 'Check']).object('Check', { path: 'HealthCheck.Check.Check' }) ?? nothing
    const check = checkFields(fields.only(checkNames), '.Check.Check', true)
    if (!isCheckStatus(check.status)) throw new DecodeError(`Invalid check status: '${check.status as string}'`)
    return { kind: 'check', verb: outer.text('Verb'), node: fields.text('Node'), check, index: fields.index('ModifyIndex') }
  },
}

const nothing = new DefinitionFields(null)

/** Lists that are empty are null here, unlike in the catalog's own answers. */
export function resultJson(result: TxnResult, datacenter: string): object {
  const orNull = (list: readonly string[]) => list.length === 0 ? null : list
  switch (result.kind) {
    case 'kv': return { KV: kvToJson(result.entry) }
    case 'node': return { Node: nodeJson(result.node, datacenter) }
    case 'service': return { Service: { ...serviceJson(result.service), Tags: orNull(result.service.tags) } }
    case 'check': return { Check: { ...checkJson(result.check), ServiceTags: orNull(result.check.serviceTags) } }
  }
}
