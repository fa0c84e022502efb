/** One key at a time in UTF-8, in a buffer that is used again for the next. */
export class KeyBytes {
  bytes: Buffer = Buffer.allocUnsafeSlow(256)
  length = 0
  /** No byte is above 0x7f. */
  isAscii = true

  set(key: string): void {
    // A UTF-16 unit takes at most three bytes; a surrogate pair four.
    if (key.length * 3 > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(key.length * 6)
    const { bytes } = this
    // Keys are short and mostly ASCII: a call of a native function takes longer than this.
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i)
      if (unit > 0x7f) {
        this.isAscii = false
        this.length = bytes.write(key)
        return
      }
      bytes[i] = unit
    }
    this.isAscii = true
    this.length = key.length
  }
}
