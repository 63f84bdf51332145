import type { ExportManifest, ProvedFile, VerifyResult } from '../../../src/export/index.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption, textOption } from '../command/values.ts'

const DIFFERS = 5
const UNPROVED = 6

interface VerifyGiven {
  readonly manifest?: string
  readonly policy?: string
  readonly json?: true
}

export function verifyExportCommand(host: Host): CliCommand {
  return new CliCommand('verify-export', host, {
    summary: 'check that an exported file is complete, unmodified and in order',
    description:
      'Checks that an exported file is complete, unmodified and in order, by its manifest. It needs ' +
      'no database. The manifest is not signed: a person who can change both files can make them ' +
      'match. Where that matters, keep the sha256 of the manifest in another place, or export with ' +
      '--proofs and give a policy: then the signature of the log proves each entry, and that none is ' +
      'left out between entries that follow each other.',
    group: 'Export:',
    examples: {
      'a file that "export" wrote': 'audit-relay verify-export log.ndjson.gz',
      'a file with proofs, by keys that you trust':
        'audit-relay verify-export 2026.ndjson.gz --policy audit.policy',
    },
    exitCodes: {
      0: 'the file is what was exported; with --policy: each entry is proved',
      2: 'wrong options, or a file cannot be read',
      5: 'the file was cut off, modified or reordered; the differences are printed',
      6: 'with --policy: nothing proves it, because it has no proof or the policy does not trust it',
    },
  })
    .argument('<file>', 'the exported file')
    .addOption(textOption('--manifest <file>', 'its manifest (default: FILE.manifest.json)'))
    .addOption(
      textOption(
        '--policy <file>',
        'the keys that you trust, as "audit-relay keys policy" prints them',
      ),
    )
    .addOption(jsonOption())
    .runs(async ({ manifest, policy, json }: VerifyGiven, file: string) => {
      const { verifyExport } = await import('../../../src/export/index.ts')
      const text = policy === undefined ? undefined : await policyText(policy)
      const result = await verifyExport(file, { manifest, policy: text })
      const code = codeOf(result)
      process.stdout.write(json ? `${jsonOf(result, code)}\n` : `${wordsOf(file, result, code)}\n`)
      return code
    })
}

async function policyText(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const { fileCode, fileWords } = await import('../../../src/file-fault.ts')
  const { optionInvalid } = await import('../../../src/errors.ts')
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = fileCode(error)
    throw code === undefined ? error : optionInvalid(`--policy ${file} ${fileWords(code)}.`)
  }
}

function codeOf({ problems, unproved }: VerifyResult): number {
  if (problems.length > 0) return DIFFERS
  return unproved === undefined ? 0 : UNPROVED
}

function jsonOf({ problems, proved, unproved }: VerifyResult, code: number): string {
  return JSON.stringify({ code, problems, proved: proved ?? null, unproved: unproved ?? null })
}

function wordsOf(
  file: string,
  { manifest, problems, proved, unproved }: VerifyResult,
  code: number,
) {
  if (code === DIFFERS) return `${file} is not what was exported.\n${problems.join('\n')}`
  const compared = `${file} is what was exported: ${contents(manifest)}.`
  if (unproved !== undefined) return `${compared}\nIt is not proved. ${unproved}`
  return proved === undefined ? compared : `${compared}\n${provedWords(proved)}`
}

function contents({ rows, firstSeq, lastSeq, gapCount, removedCount }: ExportManifest): string {
  const range = rows === 0 ? '' : `, seq ${firstSeq} to ${lastSeq}`
  const gaps = gapCount === 0 ? '' : `, ${gapCount} declared losses in its range`
  const removed = removedCount > 0 ? `, ${removedCount} numbers removed by policy` : ''
  return `${rows} rows${range}${gaps}${removed}`
}

function provedWords({ rows, leftOut, withErased, origin, size }: ProvedFile): string {
  const erased = withErased === 0 ? '' : ` ${withErased} of them do not show all of their fields.`
  const between =
    leftOut === 0
      ? 'None is left out between the first and the last.'
      : `${leftOut} numbers between the first and the last are not in it: a proof does not say ` +
        'which of them were left out.'
  return `Each of the ${rows} entries is proved by ${origin}, in a tree of ${size}.${erased} ${between}`
}
