/** An element of a list: a number, or text that nobody can have written, kept for the checker to see. */
export type ListElement = number | string

/** A list as the value of a key: `1 5 7`. */
export function encodeList(list: readonly ListElement[]): string {
  return list.join(' ')
}

/** An absent key is an empty list. */
export function decodeList(text: string | null): ListElement[] {
  if (text === null || text === '') return []
  return text.split(' ').map((item) => /^\d{1,15}$/.test(item) ? Number(item) : item)
}
