/** Changes to bytes that a broken disk, a broken network or an attacker makes, as fast-check values that shrink. */
import fc from 'fast-check'

/** `at`: a position, modulo the length. */
export type Mutation =
  | { readonly kind: 'flip', readonly at: number, readonly bit: number }
  | { readonly kind: 'set', readonly at: number, readonly byte: number }
  | { readonly kind: 'truncate', readonly at: number }
  /** The bytes from `from` of another message, put over what is at `at` or in between. */
  | { readonly kind: 'splice', readonly at: number, readonly from: number, readonly insert: boolean }
  /** A number written where a length may stand. */
  | { readonly kind: 'length', readonly at: number, readonly widthBytes: number, readonly value: number }
  | { readonly kind: 'zero', readonly at: number, readonly count: number }
  | { readonly kind: 'repeat', readonly at: number, readonly count: number }

const positions = fc.nat(0xffff)
const lengths = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0xffffffff)

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: positions, bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('set' as const), at: positions, byte: fc.nat(255) }),
  fc.record({ kind: fc.constant('truncate' as const), at: positions }),
  fc.record({ kind: fc.constant('splice' as const), at: positions, from: positions, insert: fc.boolean() }),
  fc.record({ kind: fc.constant('length' as const), at: positions, widthBytes: fc.constantFrom(1, 2, 4), value: lengths }),
  fc.record({ kind: fc.constant('zero' as const), at: positions, count: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ kind: fc.constant('repeat' as const), at: positions, count: fc.integer({ min: 1, max: 16 }) }),
)

/** One to three changes. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(mutation, { minLength: 1, maxLength: 3 })

/** A changed copy. `donor`: where spliced bytes come from. */
export function mutate(original: Uint8Array, changes: readonly Mutation[], donor: Uint8Array): Buffer {
  let bytes = Buffer.from(original)
  for (const change of changes) {
    const at = change.at % (bytes.length + 1)
    switch (change.kind) {
      case 'flip':
        if (at < bytes.length) bytes[at]! ^= 1 << change.bit
        break
      case 'set':
        if (at < bytes.length) bytes[at] = change.byte
        break
      case 'truncate':
        bytes = bytes.subarray(0, at)
        break
      case 'splice': {
        const piece = donor.subarray(change.from % (donor.length + 1))
        bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(change.insert ? at : Math.min(bytes.length, at + piece.length))])
        break
      }
      case 'length':
        for (let i = 0; i < change.widthBytes && at + i < bytes.length; i++) bytes[at + i] = Math.floor(change.value / 2 ** (8 * i)) & 0xff
        break
      case 'zero':
        bytes.fill(0, at, Math.min(bytes.length, at + change.count))
        break
      case 'repeat': {
        const piece = bytes.subarray(at, at + 32)
        bytes = Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: change.count }, () => piece), bytes.subarray(at)])
        break
      }
    }
  }
  return bytes
}
