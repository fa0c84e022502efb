/**
 * The answer to one request. `fail`: it did not happen. `info`: it may have.
 * Decided by one table for every error (harness/client/definiteness.ts).
 */
export type Answer<T> =
  | ({ readonly type: 'ok' } & T)
  | { readonly type: 'fail', readonly error: string }
  | { readonly type: 'info', readonly error: string }
