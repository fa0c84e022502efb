/** A program that cannot be had is a reason to skip, and an error where it is required. */
import t from 'tap'
import { debianProgram } from './debian-program.ts'

t.test('what no package gives', async (t) => {
  const none = { packageName: 'no-such-package-anywhere', suite: null, file: 'usr/bin/none' }
  const { SPLITBRAIN_REQUIRE_PROGRAMS: before } = process.env
  t.teardown(() => before === undefined ? delete process.env['SPLITBRAIN_REQUIRE_PROGRAMS'] : process.env['SPLITBRAIN_REQUIRE_PROGRAMS'] = before)
  delete process.env['SPLITBRAIN_REQUIRE_PROGRAMS']
  t.match(await debianProgram(none), { kind: 'missing', reason: /^no-such-package-anywhere cannot be fetched from Debian/ })
  process.env['SPLITBRAIN_REQUIRE_PROGRAMS'] = '1'
  await t.rejects(debianProgram(none), { message: /^SPLITBRAIN_REQUIRE_PROGRAMS=1, but no-such-package-anywhere cannot be fetched/ })
})
