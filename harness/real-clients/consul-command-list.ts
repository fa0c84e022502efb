/** What the real `consul` is told to do at two clusters, one of ours and one of real Consuls, in this order. */

/** Outputs that are meant to differ, and why. */
export const accepted: readonly { readonly command: readonly string[], readonly reason: string }[] = [
  { command: ['members', '-wan'], reason: 'there is one pool of gossip, and no wide area with names and ports of its own' },
  { command: ['keyring'], reason: 'the same: the pool of the wide area is not there to say that it has no keys either' },
]

export const commands: readonly (readonly string[])[] = [
  ['members'], ['members', '-wan'], ['members', '-status=failed'], ['members', '-status=alive'], ['members', '-segment=x'],
  ['operator', 'raft', 'list-peers'], ['operator', 'raft', 'list-peers', '-stale'], ['operator', 'raft', 'remove-peer'], ['operator', 'raft', 'remove-peer', '-id=x'], ['operator', 'raft', 'remove-peer', '-address=1.2.3.4:5'],
  ['operator', 'autopilot', 'get-config'], ['operator', 'autopilot', 'set-config', '-max-trailing-logs=500'], ['operator', 'autopilot', 'get-config'],

  ['services', 'register', '-name=web', '-id=web-1', '-port=80', '-tag=b', '-tag=a', '-meta=k=v', '-address=10.0.0.1', '-tagged-address=lan=10.0.0.1:80'],
  ['services', 'register', 'services.json'], ['services', 'register', 'services.hcl'], ['services', 'register', 'absent.json'], ['services', 'register'], ['services', 'register', '-name=x', 'services.json'],
  ['catalog', 'services'], ['catalog', 'services', '-tags'], ['catalog', 'services', '-node=n1', '-tags'], ['catalog', 'services', '-node=n2'], ['catalog', 'services', '-node=none'], ['catalog', 'services', '-node-meta=a=b'],
  ['catalog', 'nodes'], ['catalog', 'nodes', '-service=web'], ['catalog', 'nodes', '-service=none'], ['catalog', 'nodes', '-detailed'], ['catalog', 'nodes', '-filter=Node == n2'], ['catalog', 'nodes', '-filter=Node =='],
  ['catalog', 'nodes', '-node-meta=a=b'], ['catalog', 'datacenters'], ['catalog', 'nodes', '-datacenter=dc9'],
  ['watch', '-type=services'], ['watch', '-type=nodes'], ['watch', '-type=service', '-service=web'], ['watch', '-type=service', '-service=web', '-tag=a', '-passingonly=true'], ['watch', '-type=service', '-service=none'],
  ['watch', '-type=checks', '-service=api'], ['watch', '-type=checks', '-state=critical'], ['watch', '-type=checks', '-state=passing'], ['watch', '-type=key', '-key=none'], ['watch', '-type=keyprefix', '-prefix=none/'], ['watch', '-type=none'], ['watch'],
  ['maint'], ['maint', '-enable', '-reason=because'], ['maint'], ['maint', '-service=web-1', '-enable', '-reason=of it'], ['maint'], ['maint', '-service=web-1', '-disable'], ['maint', '-disable'], ['maint', '-service=none', '-enable'], ['maint'],
  ['services', 'deregister', '-id=web-1'], ['services', 'deregister', 'services.json'], ['services', 'deregister', 'services.hcl'], ['services', 'deregister', '-id=none'], ['services', 'deregister'], ['catalog', 'services', '-tags'],

  ['join', 'HOST2'], ['join', '127.0.0.1:1'], ['join'], ['force-leave', 'none'], ['force-leave'], ['force-leave', '-prune', 'none'],
  ['kv', 'put', 'kept', 'in the snapshot'], ['snapshot', 'save', 'taken.snap'], ['snapshot', 'inspect', 'taken.snap'], ['kv', 'put', 'kept', 'overwritten'], ['snapshot', 'restore', 'taken.snap'], ['kv', 'get', 'kept'], ['snapshot', 'restore', 'services.json'],
  ['event', '-name=deploy', 'payload'], ['event', '-name=_deploy', 'x'], ['event'], ['watch', '-type=event', '-name=deploy'], ['event', '-name=x', '-node=('],
  ['reload'], ['rtt', 'none', 'n1'], ['rtt'], ['keyring', '-list'], ['acl', 'bootstrap'], ['acl', 'token', 'list'], ['acl', 'policy', 'list'],
  ['exec', '-wait=1s', '-wait-repl=1s', 'uptime'], ['validate', 'agent.json'], ['validate', 'services.hcl'], ['version'], ['config', 'list', '-kind=service-defaults'], ['intention', 'check', 'a', 'b'], ['connect', 'ca', 'get-config'],
  ['monitor', '-log-level=wrong'], ['session'], ['kv', 'get', '-datacenter=dc9', 'x'], ['leave', 'x'],
]
