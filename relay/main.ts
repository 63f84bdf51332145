#!/usr/bin/env node
import { explainFailure } from './cli/failure.ts'
import { execute } from './cli/program.ts'

const FAILED = 1

process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  // A reader such as `head` has read all that it wanted.
  if (code === 'EPIPE') return
  process.stderr.write(`audit-relay: Standard output cannot be written (${code}).\n`)
  process.exitCode = FAILED
})

const args = process.argv.slice(2)
try {
  const exitCode = await execute(args, process.env)
  process.exitCode ??= exitCode
} catch (error) {
  const failure = await explainFailure(error, args)
  if (failure === undefined) throw error
  process.stderr.write(failure.text)
  process.exitCode = failure.exitCode
}
