import { CliCommand, type Host } from '../command/cli-command.ts'
import { textOption } from '../command/values.ts'

const DIFFERS = 5

export function verifyExportCommand(host: Host): CliCommand {
  return new CliCommand('verify-export', host, {
    summary: 'check that an exported file is complete, unmodified and in order',
    description:
      'Checks that an exported file is complete, unmodified and in order, by its manifest. It needs ' +
      'no database. The manifest is not signed: a person who can change both files can make them ' +
      'match. Where that matters, keep the sha256 of the manifest in another place.',
    group: 'Export:',
    examples: { 'a file that "export" wrote': 'audit-relay verify-export log.ndjson.gz' },
    exitCodes: {
      0: 'the file is what was exported',
      2: 'wrong options, or the file or its manifest cannot be read',
      5: 'the file was cut off, modified or reordered; the differences are printed',
    },
  })
    .argument('<file>', 'the exported file')
    .addOption(textOption('--manifest <file>', 'its manifest (default: FILE.manifest.json)'))
    .runs(async ({ manifest }: { manifest?: string }, file: string) => {
      const { verifyExport } = await import('../../../src/export/index.ts')
      const { manifest: told, problems } = await verifyExport(file, { manifest })
      if (problems.length > 0) {
        process.stdout.write(`${file} is not what was exported.\n${problems.join('\n')}\n`)
        return DIFFERS
      }
      const { rows, firstSeq, lastSeq, gapCount } = told
      const range = rows === 0 ? '' : `, seq ${firstSeq} to ${lastSeq}`
      const gaps = gapCount === 0 ? '' : `, ${gapCount} declared losses in its range`
      process.stdout.write(`${file} is what was exported: ${rows} rows${range}${gaps}.\n`)
      return 0
    })
}
