import { verifyExport } from '../../../src/export/index.ts'
import { type Command, type Given, misuse, textOf } from '../command.ts'

const DIFFERS = 5

export const verifyExportCommand: Command = {
  options: { manifest: { type: 'string' } },
  operand: 'FILE',
  usage: `
  audit-relay verify-export FILE is it the file that was written, whole, unchanged, in order?
      --manifest FILE            default: FILE.manifest.json`,
  help: () => `audit-relay verify-export FILE: compares an export with its manifest

  --manifest FILE     default: FILE.manifest.json

The manifest is not signed: whoever can change both files can make them fit each other. Keep its
sha256 elsewhere where that matters. It needs no database.

Exit codes
  0  it is the file that was written
  2  wrong options, or the file or its manifest cannot be read
  5  it is cut off, changed or in another order; what was found is printed
`,
  run,
}

async function run(given: Given): Promise<number> {
  if (given.operand === undefined) throw misuse('verify-export needs FILE.')
  const { manifest, problems } = await verifyExport(given.operand, {
    manifest: textOf(given, 'manifest'),
  })
  if (problems.length > 0) {
    process.stdout.write(`${given.operand} is not what was written.\n${problems.join('\n')}\n`)
    return DIFFERS
  }
  const { rows, firstSeq, lastSeq, gapCount } = manifest
  const range = rows === 0 ? '' : `, seq ${firstSeq} to ${lastSeq}`
  const gaps = gapCount === 0 ? '' : `, ${gapCount} declared losses in its range`
  process.stdout.write(`${given.operand} is what was written: ${rows} rows${range}${gaps}.\n`)
  return 0
}
