/**
 * For every member's config file: all load of a run comes from one address, so
 * the limit for one client (Consul's default: 200 connections) would be a limit of the run.
 */
export const loadLimits = { limits: { http_max_conns_per_client: 0 } } as const
