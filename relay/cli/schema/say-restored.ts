import { declareRestored } from '../../../src/schema/restored.ts'
import { type Environment, readConfig } from '../../config.ts'

/** Declares a restore, and says which history has begun. */
export async function sayRestored(environment: Environment): Promise<number> {
  const { databaseUrl } = readConfig(environment, 'owner')
  const history = await declareRestored(databaseUrl)
  process.stdout.write(`The log has begun the history ${history}.\n`)
  return 0
}
