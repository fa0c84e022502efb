/** How many of `voterCount` voters are a majority. */
export function quorumSize(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1
}

/**
 * The highest number that a majority of `values` has reached, one value for
 * each voter: the commit index of match indexes, the confirmed round of
 * answered rounds, the last quorum contact of contact times. Sorts `values` in
 * place: a handful, so this is faster than anything clever.
 */
export function quorumValue(values: number[]): number {
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!
    let j = i - 1
    while (j >= 0 && values[j]! < value) {
      values[j + 1] = values[j]!
      j--
    }
    values[j + 1] = value
  }
  return values[quorumSize(values.length) - 1]!
}
