// Reads a stream of TAP and counts test cases. A case is a test without tests
// inside it; a file's bare assertions together are one case.
import { Parser } from 'tap-parser'

/**
 * Prints a line for each file as it ends, its failures with their diagnostics
 * and its skips with their reasons; at the stream's end the failures once more,
 * for who sees only the end of a long log. Resolves to the counts.
 */
export function tapTally(stream, print) {
  const tally = { passed: 0, failed: 0, skipped: 0 }
  const failedLines = []
  const top = new Parser()
  let file = null
  top.on('child', (child) => {
    file = watch(child, [])
  })
  // The point that closes a file comes right after its subtest; a file that
  // was skipped whole, or could not be started, has no subtest.
  top.on('assert', (result) => {
    const own = conclude(file ?? childless(result), result)
    file = null
    tally.passed += own.passed
    tally.failed += own.failures.length
    tally.skipped += own.skips.length
    const seconds = result.time === null ? '' : ` (${(result.time / 1000).toFixed(1)} s)`
    print(`${own.failures.length === 0 ? 'ok    ' : 'NOT OK'} ${result.name}: ${own.passed} passed${seconds}`)
    const lines = own.failures.flatMap((failure) => [...failureLines(failure)])
    if (lines.length > 0) failedLines.push(`NOT OK ${result.name}`, ...lines)
    for (const line of lines) print(line)
    for (const skip of own.skips) print(`       skipped: ${skip.path.join(' > ')}: ${skip.reason}`)
  })
  top.on('bailout', (reason) => print(`bail out: ${reason}`))
  return new Promise((resolve, reject) => {
    top.on('complete', () => {
      if (failedLines.length > 0) for (const line of ['', 'What failed, once more:', ...failedLines, '']) print(line)
      resolve(tally)
    })
    stream.on('error', reject)
    stream.pipe(top)
  })
}

function childless(result) {
  const skipped = result.skip !== false || result.todo !== false
  return { path: [], children: [], assertions: [], skips: skipped ? [{ path: [result.name], reason: reasonOf(result) }] : [] }
}

/** Collects what happens below one test: plain assertions, tests inside it. */
function watch(parser, path) {
  const node = { path, children: [], assertions: [], skips: [] }
  let pending = null
  parser.on('child', (child) => {
    pending = watch(child, [...path, child.name])
  })
  parser.on('assert', (result) => {
    if (pending !== null) {
      node.children.push({ found: pending, result })
      pending = null
    } else if (result.skip !== false || result.todo !== false) {
      node.skips.push({ path: [...path, result.name], reason: reasonOf(result) })
    } else {
      node.assertions.push(result)
    }
  })
  return node
}

/** What one test adds to the counts, given the point that closed it. */
function conclude(node, result) {
  const own = { passed: 0, failures: [], skips: [...node.skips] }
  for (const child of node.children) {
    const below = conclude(child.found, child.result)
    own.passed += below.passed
    own.failures.push(...below.failures)
    own.skips.push(...below.skips)
  }
  const failed = node.assertions.filter((assertion) => !assertion.ok)
  if (failed.length > 0) {
    own.failures.push({ path: node.path, results: failed })
  } else if (!result.ok && own.failures.length === 0) {
    // It threw, timed out or missed its plan outside of any assertion.
    own.failures.push({ path: node.path, results: [result] })
  } else if (node.children.length === 0 && (node.assertions.length > 0 || node.skips.length === 0)) {
    own.passed += 1
  }
  return own
}

const reasonOf = (result) => {
  const reason = result.skip === false ? result.todo : result.skip
  return typeof reason === 'string' && reason !== '' ? reason : 'no reason given'
}

function* failureLines({ path, results }) {
  yield `       failed: ${path.join(' > ') || '(the file itself)'}`
  for (const result of results) {
    yield `         ${result.name}`
    const { at, diff, stack, exitCode, signal, ...rest } = result.diag ?? {}
    if (at?.fileName !== undefined) yield `           at ${at.fileName}:${at.lineNumber}`
    if (exitCode !== undefined && exitCode !== null) yield `           exit code ${exitCode}`
    if (signal !== undefined && signal !== null) yield `           signal ${signal}`
    for (const key of ['message', 'error', 'reason', 'found', 'wanted', 'timeout', 'expired']) {
      if (rest[key] !== undefined) yield `           ${key}: ${typeof rest[key] === 'string' ? rest[key] : JSON.stringify(rest[key])}`
    }
    for (const text of [diff, stack]) {
      if (typeof text === 'string') for (const line of text.trimEnd().split('\n')) yield `           ${line}`
    }
  }
}
