/** One step of a scenario file: comments, commands, and the trace they must give. */
export interface ScenarioStep {
  readonly comments: readonly string[]
  readonly commands: readonly string[]
  readonly expected: string
}

/**
 * A scenario file is blocks between blank lines. A block is lines of comment
 * (`# …`), lines of commands, `----`, and the trace; a block of comments only
 * stands for itself.
 */
export function parseScenario(text: string): ScenarioStep[] {
  return text.split(/\n{2,}/).map((block) => block.trimEnd()).filter((block) => block !== '').map((block) => {
    const lines = block.split('\n')
    const divider = lines.indexOf('----')
    const before = divider === -1 ? lines : lines.slice(0, divider)
    return {
      comments: before.filter((line) => line.startsWith('#')),
      commands: before.filter((line) => !line.startsWith('#')),
      expected: divider === -1 ? '' : lines.slice(divider + 1).join('\n'),
    }
  })
}

export function formatScenario(steps: readonly ScenarioStep[]): string {
  const blocks = steps.map(({ comments, commands, expected }) => commands.length === 0
    ? comments.join('\n')
    : [...comments, ...commands, '----', ...(expected === '' ? [] : [expected])].join('\n'))
  return `${blocks.join('\n\n')}\n`
}
