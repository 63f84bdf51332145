import { declareRestored, type ErasedAgain } from '../../../src/schema/restored.ts'
import { type Environment, readConfig } from '../../config.ts'
import { readErasures } from '../../erase/erasure-file.ts'

/**
 * Declares a restore, and says which history has begun.
 *
 * @param folder where erasures were noted, to do them again
 */
export async function sayRestored(
  environment: Environment,
  folder: string | undefined,
): Promise<number> {
  const { databaseUrl } = readConfig(environment, 'owner')
  const known = folder === undefined ? [] : await readErasures(folder)
  const { history, erasures } = await declareRestored(databaseUrl, known)
  const lines = [`The log has begun the history ${history}.`, ...erasureLines(erasures)]
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

function erasureLines(again: ErasedAgain | undefined): readonly string[] {
  if (again === undefined) return []
  const { erased, staged, held, absent } = again
  const lines = [
    `${erased} entries were erased again, and ${staged} that wait in a lane. ${absent} are not in this copy.`,
  ]
  if (held.length > 0) {
    lines.push(
      `A legal hold of this copy keeps ${held.length} entries as they are: seq ${held.join(', ')}. ` +
        'Once it is released: audit-relay erase --entry SEQ',
    )
  }
  return lines
}
