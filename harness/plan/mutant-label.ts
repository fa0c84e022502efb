/** How people are told of `--mutant`, which may be a whole bug in JSON: by its name. */
export function mutantLabel(mutant: string): string {
  if (!mutant.trimStart().startsWith('{')) return mutant
  try {
    const { name } = JSON.parse(mutant) as { readonly name?: unknown }
    return typeof name === 'string' ? name : 'a bug of one\'s own'
  } catch {
    return mutant
  }
}
