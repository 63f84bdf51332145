import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { ROOT } from './support/commands.ts'

/** What a process prints that runs this, line by line. */
function linesOf(script: string): readonly Record<string, unknown>[] {
  const output = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: ROOT, encoding: 'utf8' },
  )
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const LOGGING = `
  import { guardLogger } from './src/logger.ts'
  const logger = guardLogger(undefined, 'audit-test')
  const log = () => {
    logger.debug({ at: 1 }, 'left out')
    logger.info({ at: 2 }, 'second')
    logger.warn({ at: 3, fault: { code: '42501' } }, 'third')
    logger.error({}, 'fourth')
  }
  log()`

/** As in a bundle of ES modules: pino is there, and throws when it is loaded. */
const WITHOUT_PINO = `
  import module from 'node:module'
  const load = module._load
  module._load = function (name, ...more) {
    if (name === 'node:os' || name === 'os') throw new Error('Dynamic require is not supported')
    return load.call(this, name, ...more)
  }`

function stable(lines: readonly Record<string, unknown>[]) {
  return lines.map(({ time, pid, ...line }) => {
    assert.ok(Number.isInteger(time) && Number.isInteger(pid))
    return { ...line, hostname: typeof line['hostname'] }
  })
}

describe('the default logger', { concurrency: true }, () => {
  const written = [
    { level: 30, name: 'audit-test', at: 2, msg: 'second' },
    { level: 40, name: 'audit-test', at: 3, fault: { code: '42501' }, msg: 'third' },
    { level: 50, name: 'audit-test', msg: 'fourth' },
  ].map((line) => ({ ...line, hostname: 'string' }))

  const usesPino = `
    import { createRequire } from 'node:module'
    const isLoaded = () => Object.keys(createRequire(import.meta.url).cache)
      .some((file) => file.endsWith('/pino/pino.js'))`

  test('is pino, which is loaded with the first line', () => {
    const lines = linesOf(`${usesPino}${LOGGING}
      const before = isLoaded()
      await new Promise((resolve) => setTimeout(resolve, 500))
      logger.info({ before, after: isLoaded() }, 'loaded')`)
    assert.deepEqual(stable(lines.slice(0, -1)), written)
    assert.deepEqual([lines.at(-1)?.['before'], lines.at(-1)?.['after']], [false, true])
  })

  test('writes the same lines where pino does not load', () => {
    const lines = linesOf(`${WITHOUT_PINO}${usesPino}${LOGGING}
      await new Promise((resolve) => setTimeout(resolve, 500))
      log()
      logger.info({ after: isLoaded() }, 'not loaded')`)
    assert.deepEqual(stable(lines.slice(0, -1)), [...written, ...written])
    assert.equal(lines.at(-1)?.['after'], false)
  })

  test('loses no line when the process ends before pino is there', () => {
    assert.deepEqual(stable(linesOf(`${LOGGING}\nprocess.exit()`)), written)
    const late = `${LOGGING}\nprocess.on('exit', () => log())\nprocess.exit()`
    assert.deepEqual(stable(linesOf(late)), [...written, ...written])
  })

  test('keeps no more than a hundred lines for pino', () => {
    const lines = linesOf(`${LOGGING}
      for (let at = 0; at < 200; at += 1) logger.info({ at }, 'many')
      process.exit()`)
    assert.equal(lines.length, 203)
    // The first hundred waited, and debug was one of them. They come last.
    assert.equal(lines.at(-1)?.['at'], 95)
  })
})
