/**
 * Keys of a config file that Consul 1.8.7 takes (`consul validate` knows them;
 * its documentation, "Configuration: key reference", tells of most), so that
 * a file for Consul is answered with what is missing here, and a misspelt key with its name.
 */
const topLevel = `acl acl_agent_master_token acl_agent_token acl_datacenter acl_default_policy acl_disabled_ttl acl_down_policy
  acl_enable_key_list_policy acl_enforce_version_8 acl_master_token acl_replication_token acl_token acl_ttl addresses
  advertise_addr advertise_addr_ipv4 advertise_addr_ipv6 advertise_addr_wan advertise_addr_wan_ipv4 ae_interval alt_domain audit
  auto_config auto_encrypt autopilot bind_addr bootstrap bootstrap_expect ca_file ca_path cache cert_file check
  check_deregister_interval_min check_output_max_size check_reap_interval check_update_interval checks client_addr config_entries
  connect consul data_dir datacenter default_query_time disable_anonymous_signature disable_coordinates disable_host_node_id
  disable_http_unprintable_char_filter disable_keyring_file disable_remote_exec disable_update_check discard_check_output
  discovery_max_stale dns_config domain enable_acl_replication enable_agent_tls_for_checks enable_central_service_config
  enable_debug enable_local_script_checks enable_script_checks enable_syslog encrypt encrypt_verify_incoming
  encrypt_verify_outgoing gossip_lan gossip_wan http_config key_file leave_on_terminate limits log_file log_json log_level
  log_rotate_bytes log_rotate_duration log_rotate_max_files max_query_time node_id node_meta node_name non_voting_server
  performance pid_file ports primary_datacenter primary_gateways primary_gateways_interval protocol raft_protocol
  raft_snapshot_interval raft_snapshot_threshold raft_trailing_logs reconnect_timeout reconnect_timeout_wan recursors
  rejoin_after_leave retry_interval retry_interval_wan retry_join retry_join_wan retry_max retry_max_wan revision segment
  segment_limit segment_name_limit segments serf_lan serf_lan_allowed_cidrs serf_wan serf_wan_allowed_cidrs server server_name
  service services session_ttl_min skip_leave_on_interrupt snapshot_agent start_join start_join_wan sync_coordinate_interval_min
  sync_coordinate_rate_target syslog_facility tagged_addresses telemetry tls_cipher_suites tls_min_version
  tls_prefer_server_cipher_suites translate_wan_addrs ui ui_content_path ui_dir unix_sockets verify_incoming verify_incoming_https
  verify_incoming_rpc verify_outgoing verify_server_hostname version version_prerelease watches`

/** Below the keys of which a member has some. */
const nested: Readonly<Record<string, string>> = {
  addresses: 'dns http https grpc',
  limits: 'http_max_conns_per_client https_handshake_timeout kv_max_value_size rpc_handshake_timeout rpc_max_burst rpc_max_conns_per_client rpc_rate txn_max_req_len',
  performance: 'leave_drain_time raft_multiplier rpc_hold_timeout',
  ports: 'dns http https grpc expose_max_port expose_min_port proxy_max_port proxy_min_port serf_lan serf_wan server sidecar_max_port sidecar_min_port',
}

const words = (text: string) => text.split(/\s+/)
const options = new Set([...words(topLevel), ...Object.entries(nested).flatMap(([key, below]) => words(below).map((name) => `${key}.${name}`))])

/** Whether Consul has this key: `data_dir`, `ports.http`. */
export function isConsulOption(path: string): boolean {
  return options.has(path)
}

/**
 * Values that ask for what a member does anyway, and so are no error although
 * it does not have the option: no TLS port, no checks that run scripts, and so on.
 */
const alreadySo: Readonly<Record<string, unknown>> = {
  'acl.enabled': false, 'auto_encrypt.allow_tls': false, 'connect.enabled': false, disable_anonymous_signature: true, disable_host_node_id: true,
  disable_remote_exec: true, disable_update_check: true, enable_debug: false, enable_local_script_checks: false, enable_script_checks: false,
  enable_syslog: false, leave_on_terminate: false, log_json: false, 'ports.dns': -1, 'ports.grpc': -1, 'ports.https': -1,
  skip_leave_on_interrupt: true, ui: false, verify_incoming: false, verify_outgoing: false, verify_server_hostname: false,
}

/** The file without those, and without objects that this leaves empty. `has`: keys that the member has stay, whatever they say. */
export function withoutAlreadySo(file: Readonly<Record<string, unknown>>, has: (path: string) => boolean, at = ''): Record<string, unknown> {
  return Object.fromEntries(Object.entries(file).flatMap(([key, value]) => {
    const path = `${at}${key}`
    if (Object.hasOwn(alreadySo, path) && alreadySo[path] === value && !has(path)) return []
    if (at !== '' || typeof value !== 'object' || value === null || Array.isArray(value)) return [[key, value]]
    const rest = withoutAlreadySo(value as Record<string, unknown>, has, `${path}.`)
    return Object.keys(rest).length === 0 && Object.keys(value).length > 0 ? [] : [[key, rest]]
  }))
}
