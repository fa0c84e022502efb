/**
 * Who waits for a change of the state, found by what changed: by one key, by a
 * prefix of keys, or by a whole table. A write costs a look-up for its key, one
 * for each length that a watched prefix has, and one for the table, however
 * many wait for something else.
 *
 * A change only notes who is to be woken; `flush` wakes them, once all of a
 * command, or of a row of commands, is applied: nobody sees half of it, and
 * who waits for several things is woken once.
 */
export type Interest =
  | { readonly kind: 'table', readonly table: string }
  | { readonly kind: 'key', readonly table: string, readonly key: string }
  /** An empty prefix is the whole table. */
  | { readonly kind: 'prefix', readonly table: string, readonly prefix: string }

/**
 * `changed`: something that was of interest. `replaced`: the state was replaced
 * as a whole (a snapshot was restored), and indexes may have gone back.
 */
export type WakeCause = 'changed' | 'replaced'

interface Waiter {
  readonly wake: (cause: WakeCause) => void
  /** What it waits in; left all at once, when it becomes due or gives up. */
  readonly groups: Group[]
  /** Woken, or given up. */
  done: boolean
  cause: WakeCause
}

interface Group {
  readonly waiters: Set<Waiter>
  /** Called when the last one has left. */
  readonly close: () => void
}

interface TableGroups {
  table: Group | null
  readonly keys: Map<string, Group>
  readonly prefixes: Map<string, Group>
  /** Length in UTF-16 units to how many watched prefixes have it. */
  readonly prefixLengths: Map<number, number>
}

export class Watches {
  readonly #tables = new Map<string, TableGroups>()
  readonly #waiters = new Set<Waiter>()
  /** Whom something of interest has changed for, first changes first. */
  #due: Waiter[] = []
  #visits = 0

  /** How many wait. */
  get size(): number {
    return this.#waiters.size
  }

  /** Groups and waiters that changes have led to since the start: what writes cost for those who wait. */
  get visits(): number {
    return this.#visits
  }

  /** Calls `wake` once, at the first flush behind a change of any of `interests`. Returns what ends the wait before. */
  add(interests: readonly Interest[], wake: (cause: WakeCause) => void): () => void {
    const waiter: Waiter = { wake, groups: [], done: false, cause: 'changed' }
    this.#waiters.add(waiter)
    for (const interest of interests) {
      const group = this.#groupOf(interest)
      group.waiters.add(waiter)
      waiter.groups.push(group)
    }
    return () => this.#end(waiter)
  }

  /** `key` of `table` was written or deleted. */
  touch(table: string, key: string): void {
    const groups = this.#tables.get(table)
    if (groups === undefined) return
    this.#note(groups.table)
    this.#note(groups.keys.get(key))
    for (const length of groups.prefixLengths.keys()) {
      if (length <= key.length) this.#note(groups.prefixes.get(key.slice(0, length)))
    }
  }

  /**
   * Wakes those for whom something has changed, at most `wakesMax` of them: the
   * answers to thousands take a good part of a second. True if some are left.
   */
  flush(wakesMax = Number.POSITIVE_INFINITY): boolean {
    if (this.#due.length === 0) return false
    const due = this.#due
    // Those who wait anew and become due meanwhile come behind.
    this.#due = due.length > wakesMax ? due.splice(wakesMax) : []
    for (const waiter of due) {
      if (waiter.done) continue
      this.#end(waiter)
      waiter.wake(waiter.cause)
    }
    return this.#due.length > 0
  }

  /** The state is another one: wakes everybody. */
  replaced(): void {
    this.#due = []
    for (const waiter of [...this.#waiters]) {
      if (waiter.done) continue
      this.#end(waiter)
      waiter.wake('replaced')
    }
  }

  /** The state is another one: the next flush wakes everybody. */
  noteReplaced(): void {
    this.#due = [...this.#waiters].filter((waiter) => !waiter.done)
    for (const waiter of this.#due) {
      waiter.cause = 'replaced'
      this.#leave(waiter)
    }
  }

  #note(group: Group | null | undefined): void {
    this.#visits++
    if (group === null || group === undefined) return
    for (const waiter of group.waiters) {
      this.#visits++
      this.#leave(waiter)
      this.#due.push(waiter)
    }
  }

  #end(waiter: Waiter): void {
    if (waiter.done) return
    waiter.done = true
    this.#waiters.delete(waiter)
    this.#leave(waiter)
  }

  #leave(waiter: Waiter): void {
    for (const group of waiter.groups.splice(0)) {
      // Not again for an interest given twice: another group may have its place by then.
      if (group.waiters.delete(waiter) && group.waiters.size === 0) group.close()
    }
  }

  #groupOf(interest: Interest): Group {
    const groups = this.#tableGroups(interest.table)
    switch (interest.kind) {
      case 'table': return this.#tableGroup(groups)
      case 'key': return groupIn(groups.keys, interest.key, () => {})
      case 'prefix': {
        const { prefix } = interest
        if (prefix === '') return this.#tableGroup(groups)
        const { prefixLengths } = groups
        if (!groups.prefixes.has(prefix)) prefixLengths.set(prefix.length, (prefixLengths.get(prefix.length) ?? 0) + 1)
        return groupIn(groups.prefixes, prefix, () => {
          const left = prefixLengths.get(prefix.length)! - 1
          if (left === 0) prefixLengths.delete(prefix.length)
          else prefixLengths.set(prefix.length, left)
        })
      }
    }
  }

  #tableGroups(table: string): TableGroups {
    let groups = this.#tables.get(table)
    if (groups === undefined) {
      groups = { table: null, keys: new Map(), prefixes: new Map(), prefixLengths: new Map() }
      this.#tables.set(table, groups)
    }
    return groups
  }

  #tableGroup(groups: TableGroups): Group {
    groups.table ??= { waiters: new Set(), close: () => { groups.table = null } }
    return groups.table
  }
}

function groupIn(groups: Map<string, Group>, key: string, closed: () => void): Group {
  let group = groups.get(key)
  if (group === undefined) {
    group = { waiters: new Set(), close: () => { groups.delete(key); closed() } }
    groups.set(key, group)
  }
  return group
}
