#!/usr/bin/env node
import { explainFailure } from './cli/failure.ts'
import { execute } from './cli/program.ts'

const args = process.argv.slice(2)
try {
  process.exitCode = await execute(args, process.env)
} catch (error) {
  const failure = await explainFailure(error, args)
  if (failure === undefined) throw error
  process.stderr.write(failure.text)
  process.exitCode = failure.exitCode
}
