import { cutMark } from '../engine-text.ts'
import { type ExportRow, shownAsJson } from './rows.ts'

/**
 * CSV as RFC 4180 has it: a header, CRLF, every cell in quotes, quotes doubled. NULL is an empty
 * cell without quotes. UTF-8; Excel knows that by a byte order mark only, which an option puts first.
 *
 * The cell `erased` lists the columns of which something was erased since, so that nobody takes an empty
 * cell for one that was always empty.
 *
 * A cell holds at most 32,767 characters, because Excel cuts a longer one without a word or spills it
 * over the next ones. Longer JSON loses the blanks between its parts; what is still longer is cut,
 * and the mark at its end gives its length.
 *
 * No cell can become a formula in a spreadsheet. So this format is not faithful where an entry tries
 * to be one or is very long; NDJSON is:
 *
 * - Text gets an apostrophe before `=`, `+`, `-`, `@` (also full-width) at the start of the cell, of
 *   a line in it, and after a separator that some spreadsheet may cut at (`;`, `,`, `|`, tab); and
 *   before a tab or a line break at the start of the cell. White space that comes first, seen or
 *   unseen, does not help against it.
 * - JSON gets the same characters as `\u003d` and so on, where they begin a string in it or follow
 *   white space or a separator: it is the same JSON to everyone who reads JSON.
 */
export const CSV_HEADER =
  '"seq","id","occurred_at","logged_at","written_by","event_id","action","entity_type","outcome",' +
  '"actor_kind","user_id","actor_id","target_id","more_targets","request_id","metadata","context",' +
  '"recorder_id","recorder_seq","erased"\r\n'

/**
 * The header with columns that some exports have. `about`: the places in which the entry names the user
 * whom the export is about. `shown_as`: the names in the place of ids.
 */
export function csvHeader(more: { readonly about: boolean; readonly shown_as: boolean }): string {
  const names = Object.entries(more).flatMap(([name, isThere]) => (isThere ? [`,"${name}"`] : []))
  return CSV_HEADER.replace(/\r\n$/, `${names.join('')}\r\n`)
}

/** Makes Excel read the file as UTF-8. */
export const BYTE_ORDER_MARK = '\ufeff'
const MAX_CELL_CHARACTERS = 32_767
const MAX_MARK_CHARACTERS = 64

export function csvLine(row: ExportRow): string {
  const cells = [
    `"${row.seq}"`,
    plainCell(row.id),
    textCell(row.occurredAt),
    textCell(row.loggedAt),
    textCell(row.writtenBy),
    textCell(row.eventId),
    textCell(row.action),
    textCell(row.entityType),
    textCell(row.outcome),
    textCell(row.actorKind),
    textCell(row.userId),
    textCell(row.actorId),
    textCell(row.targetId),
    row.moreTargets === null ? '' : jsonCell(row.moreTargets),
    textCell(row.requestId),
    jsonCell(row.metadata),
    jsonCell(row.context),
    plainCell(row.recorderId),
    textCell(row.recorderSeq),
    row.erased ? jsonCell(row.erased) : '',
    ...(row.about === undefined ? [] : [jsonCell(row.about)]),
    ...(row.shownUser === undefined ? [] : [namesCell(shownAsJson(row))]),
  ]
  return `${cells.join(',')}\r\n`
}

// White space as Unicode has it, and what is not shown at all: control and format characters.
const UNSEEN = String.raw`[\s\p{C}\u115f\u1160\u3164\uffa0\u2800]`
const FORMULA = String.raw`[=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]`
/** A place at which a cell could be cut or a line begin, and a formula behind it. */
const RISKY_TEXT = new RegExp(
  String.raw`(?<=^|[\r\n\u0085\u2028\u2029;,|\t"])(?=${UNSEEN}*${FORMULA})`,
  'gu',
)
const RISKY_START = /^[\t\r\n]/
const MAYBE_RISKY = new RegExp(`${FORMULA}|${RISKY_START.source}`, 'u')
/** A string, or white space outside of any. */
const JSON_PART = /"(?:[^"\\]|\\.)*"|\s+/g
const JSON_STRING = /"(?:[^"\\]|\\.)*"/g
const RISKY_IN_JSON = new RegExp(String.raw`(^"|[\s\p{C};,|]|\\[nrt"])(${FORMULA})`, 'gu')

/** A UUID: nothing in it can be anything else. */
function plainCell(value: string | null): string {
  return value === null ? '' : `"${value}"`
}

function textCell(value: string | null): string {
  if (value === null) return ''
  return quoted(safeText(value))
}

/** The text with an apostrophe before everything that a spreadsheet could take for a formula. */
export function safeText(value: string): string {
  if (!MAYBE_RISKY.test(value)) return value
  const safe = value.replace(RISKY_TEXT, "'")
  return RISKY_START.test(safe) ? `'${safe}` : safe
}

/** An object's text begins with a brace, so only what is inside its strings needs a look. */
function jsonCell(value: string): string {
  const safe = safeJson(value)
  const isLong = safe.length > MAX_CELL_CHARACTERS
  return quoted(isLong ? safe.replace(JSON_PART, (part) => part.trim()) : safe)
}

function namesCell(json: string | undefined): string {
  return json === undefined ? '' : jsonCell(json)
}

function quoted(text: string): string {
  return `"${withinCell(text).replaceAll('"', '""')}"`
}

function withinCell(text: string): string {
  if (text.length <= MAX_CELL_CHARACTERS) return text
  const head = text.slice(0, MAX_CELL_CHARACTERS - MAX_MARK_CHARACTERS)
  return `${head.replace(/[\ud800-\udbff]$/, '')}${cutMark(text.length, undefined)}`
}

/** The same JSON, with what could begin a formula inside its strings written as an escape. */
export function safeJson(value: string): string {
  if (!MAYBE_RISKY.test(value)) return value
  return value.replace(JSON_STRING, (literal) =>
    literal.replace(RISKY_IN_JSON, (_, before: string, formula: string) => {
      return `${before}\\u${formula.charCodeAt(0).toString(16).padStart(4, '0')}`
    }),
  )
}
