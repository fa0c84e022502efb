/** In every member's config file, where the run's own `memberConfig` says nothing else. */
export const memberDefaults = {
  // All load of a run comes from one address, so the limit for one client (Consul's default: 200 connections) would be a limit of the run.
  limits: { http_max_conns_per_client: 0 },
  // A run's members are the ones it was started with: one that was cut off for long would be taken
  // out, and gossip may need minutes to bring it back. Faults of membership are a family of their own.
  autopilot: { cleanup_dead_servers: false },
} as const

/** On one machine a newcomer need not be watched for Consul's 10 s before it votes: faults of membership wait for that. */
export const quickToVote = { autopilot: { ...memberDefaults.autopilot, server_stabilization_time: '1s' } } as const
