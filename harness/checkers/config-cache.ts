/**
 * The configurations that a search has seen: which operations are linearized
 * (a bit set) and the state. Open addressing over typed arrays. The hash only
 * finds the slot: bit set and state are compared whole, so that a collision
 * can never decide a verdict.
 */
export class ConfigCache {
  readonly #words: number
  readonly #stride: number
  #slots = new Int32Array(1024).fill(-1)
  #configs: Int32Array
  #count = 0

  /** `words`: 32-bit words of a bit set. */
  constructor(words: number) {
    this.#words = words
    this.#stride = words + 2
    this.#configs = new Int32Array(this.#stride * 512)
  }

  get bytes(): number {
    return this.#slots.byteLength + this.#configs.byteLength
  }

  get size(): number {
    return this.#count
  }

  /** Adds it; false if it was there. `hash` belongs to the bit set. */
  add(bits: Int32Array, state: number, hash: number): boolean {
    const mixed = mix(hash ^ Math.imul(state + 1, 0x9e3779b1))
    let slot = mixed & (this.#slots.length - 1)
    for (;;) {
      const config = this.#slots[slot]!
      if (config < 0) break
      if (this.#equals(config * this.#stride, bits, state, mixed)) return false
      slot = (slot + 1) & (this.#slots.length - 1)
    }
    this.#slots[slot] = this.#count
    const start = this.#count * this.#stride
    if (start + this.#stride > this.#configs.length) this.#growConfigs()
    this.#configs[start] = mixed
    this.#configs[start + 1] = state
    for (let i = 0; i < this.#words; i++) this.#configs[start + 2 + i] = bits[i]!
    this.#count++
    if (this.#count * 2 > this.#slots.length) this.#growSlots()
    return true
  }

  #equals(start: number, bits: Int32Array, state: number, hash: number): boolean {
    const configs = this.#configs
    if (configs[start] !== hash || configs[start + 1] !== state) return false
    for (let i = 0; i < this.#words; i++) if (configs[start + 2 + i] !== bits[i]) return false
    return true
  }

  #growConfigs(): void {
    const larger = new Int32Array(this.#configs.length * 2)
    larger.set(this.#configs)
    this.#configs = larger
  }

  #growSlots(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(-1)
    for (let config = 0; config < this.#count; config++) {
      let slot = this.#configs[config * this.#stride]! & (slots.length - 1)
      while (slots[slot]! >= 0) slot = (slot + 1) & (slots.length - 1)
      slots[slot] = config
    }
    this.#slots = slots
  }
}

function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b)
  return hash ^ (hash >>> 16)
}
