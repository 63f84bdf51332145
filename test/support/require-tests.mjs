import fs from 'node:fs'
import path from 'node:path'

/**
 * A reporter that fails a run in which no test ran. Node counts a file without tests as a test that
 * passed, and a run that skipped every test as a success. It writes the names of files with a failed
 * test, a line each, to the file that `AUDIT_TEST_FAILED_FILES` names.
 *
 * Plain JavaScript, because Node loads reporters before `--import tsx` has taken effect.
 *
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} events
 */
export default async function* requireTests(events) {
  let ran = 0
  const withoutTests = []
  const failed = new Set()
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.file) failed.add(path.relative(process.cwd(), data.file))
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (type === 'test:pass' && data.name === data.file) withoutTests.push(data.name)
    else if (data.skip === undefined && data.todo === undefined) ran += 1
  }
  for (const file of withoutTests) yield `No test in ${file}\n`
  if (ran === 0) yield 'No test ran.\n'
  if (ran === 0 || withoutTests.length > 0) process.exitCode = 1
  const list = process.env.AUDIT_TEST_FAILED_FILES
  if (list) fs.writeFileSync(list, [...failed].map((file) => `${file}\n`).join(''))
}
