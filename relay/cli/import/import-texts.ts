import type { IdKind } from '../../../src/entry.ts'
import type { Preview } from '../../import/preview-import.ts'
import type { ImportResult } from '../../import/run-import.ts'

export interface Ended {
  readonly name: string
  /** SHA-256 of the mapping. */
  readonly mapping: string
  readonly seconds: number
  readonly result: ImportResult
}

export interface Shown {
  readonly name: string
  /** Undefined where no database was asked. */
  readonly ids: IdKind | undefined
  readonly preview: Preview
}

export function resultJson({ name, mapping, seconds, result }: Ended): string {
  const { goesOn, read, refused, logged, repeated, deadLetters, reasons, marks } = result
  return line({
    ...{ name, mapping, goesOn, read, logged, refused, repeated, deadLetters },
    reasons: Object.fromEntries(reasons),
    marks: Object.fromEntries(marks),
    seconds: Math.round(seconds * 10) / 10,
  })
}

export function resultText({ name, seconds, result }: Ended): string {
  const { read, refused, logged, repeated, deadLetters, reasons, marks } = result
  return lines([
    `Import "${name}": ${count(read, 'row')} read, ${logged} in the log, in ${seconds.toFixed(1)} s`,
    repeated > 0 ? `${repeated} came more than once and are in the log once` : '',
    deadLetters > 0 ? `${deadLetters} are dead letters: audit-relay dead-letters list` : '',
    refused > 0 ? `${refused} were refused` : '',
    ...table(reasons),
    ...marksText(marks),
  ])
}

export function previewJson({ name, ids, preview }: Shown): string {
  const { entries, read, refused, reasons, marks, months, from, to, missingColumns } = preview
  return line({
    ...{ name, dryRun: true, ids: ids ?? null, read, refused, from, to, missingColumns },
    reasons: Object.fromEntries(reasons),
    marks: Object.fromEntries(marks),
    months: Object.fromEntries(months),
    entries,
  })
}

export function previewText({ name, ids, preview }: Shown): string {
  const { entries, read, refused, reasons, marks, months, from, to, missingColumns } = preview
  return lines([
    ...entries.map((entry) => JSON.stringify(entry, undefined, 2)),
    '',
    `Import "${name}", a dry run: ${count(read, 'row')} read, ${read - refused} would be entries. ` +
      'Nothing was written.',
    ids === undefined ? 'No database was asked: its ids are taken for UUIDs.' : '',
    from === null ? '' : `from ${from} to ${to}`,
    ...table(months),
    refused > 0 ? `${refused} would be refused` : '',
    ...table(reasons),
    ...marksText(marks),
    missingColumns.length > 0
      ? `No row has these columns of the mapping: ${missingColumns.join(', ')}`
      : '',
  ])
}

function marksText(marks: ReadonlyMap<string, number>): readonly string[] {
  if (marks.size === 0) return []
  return [
    'entries that differ from what was given, by the mark in context.degraded',
    ...table(marks),
  ]
}

function table(counts: ReadonlyMap<string, number>): readonly string[] {
  return [...counts].map(([name, many]) => `${String(many).padStart(10)}  ${name}`)
}

function count(many: number, noun: string): string {
  return `${many} ${many === 1 ? noun : `${noun}s`}`
}

function lines(texts: readonly string[]): string {
  return `${texts.filter((text, at) => text !== '' || at === 0).join('\n')}\n`
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}
