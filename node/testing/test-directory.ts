/** What of a test is asked here: tap's own. */
export interface DirectoryTest<Content> {
  testdir(content?: Content): string
  teardown(task: () => unknown): void
}

/**
 * A test's directory, removed after all that it hands to `teardown`. tap alone
 * removes one first that was made before the first `teardown`, under members
 * that still write into it: where one makes a file just then the removal fails,
 * the test with it, and nothing is torn down.
 */
export function testDirectory<Content>(t: DirectoryTest<Content>, content?: Content): string {
  // tap ends what was asked for last, first; all of `teardown` has the place of its first task.
  t.teardown(() => {})
  return t.testdir(content)
}
