export interface Tally {
  passed: number
  failed: number
  skipped: number
}

export function tapTally(stream: NodeJS.ReadableStream, print: (line: string) => void): Promise<Tally>
