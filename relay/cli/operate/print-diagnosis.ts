import { stripVTControlCharacters } from 'node:util'
import { type Environment, readLimits } from '../../config.ts'
import { diagnose } from '../../doctor/doctor.ts'
import {
  AREAS,
  type Examined,
  type Finding,
  findingsOf,
  type Remedy,
  type Report,
  type Severity,
} from '../../doctor/visit/finding.ts'
import { KINDS } from '../../doctor/visit/kinds.ts'
import { nearest } from '../../../src/options.ts'
import { misuse } from '../command/misuse.ts'
import { shown } from '../command/values.ts'

/** What the command was given. */
export interface DoctorChoice {
  readonly json?: true
  readonly sql?: true
  readonly only?: string
}

const DONE = 0
const FAILED = 1
const ERRORS = 3
const WARNINGS = 4

/** Says nothing about its progress when it is faster. */
const PROGRESS_AFTER_MS = 1_000

/** Looks at the database, prints what was found, and returns the exit code. */
export async function printDiagnosis(
  environment: Environment,
  { json, sql, only }: DoctorChoice,
): Promise<number> {
  if (json && sql) throw misuse('Give --json or --sql, not both.')
  if (only !== undefined && !(only in KINDS)) {
    const names = Object.keys(KINDS)
    throw misuse(
      `--only knows no finding "${shown(only)}". Did you mean "${nearest(only, names)}"?`,
    )
  }
  const startMs = performance.now()
  const isTerminal = process.stderr.isTTY === true
  const report = await diagnose({
    environment,
    limits: readLimits(environment),
    onProgress(what) {
      if (performance.now() - startMs < PROGRESS_AFTER_MS) return
      process.stderr.write(isTerminal ? `\r\u001b[Klooking at ${what} …` : `looking at ${what}\n`)
    },
  })
  if (isTerminal) process.stderr.write('\r\u001b[K')
  const chosen = only === undefined ? report : onlyKind(report, only)
  if (json) process.stdout.write(`${JSON.stringify(plain(chosen))}\n`)
  else if (sql) process.stdout.write(sqlOf(chosen))
  else process.stdout.write(reportText(chosen, terminalWidth(environment)))
  return exitCode(chosen, report)
}

function exitCode(chosen: Report, { examined }: Report): number {
  const links = examined.filter(({ area }) => area === 'connections')
  if (!links.some(({ said }) => said !== undefined)) return FAILED
  const severities = new Set(findingsOf(chosen).map(({ severity }) => severity))
  if (severities.has('error')) return ERRORS
  return severities.has('warning') ? WARNINGS : DONE
}

function onlyKind({ examined }: Report, kind: string): Report {
  const rest = examined.map(({ findings, ...one }) => ({
    ...one,
    findings: findings.filter((finding) => finding.kind === kind),
  }))
  return {
    examined: rest.filter(({ area, findings }) => findings.length > 0 || area === 'connections'),
  }
}

/** What `--json` prints. */
function plain(report: Report) {
  const notLookedAt = report.examined.flatMap(({ area, what, skipped }) =>
    skipped ? [{ area, what, ...skipped }] : [],
  )
  return { findings: findingsOf(report), notLookedAt }
}

function sqlOf(report: Report): string {
  const statements = findingsOf(report).flatMap(({ kind, text, remedy: { sql } }) =>
    sql ? [`-- ${kind}: ${text.replaceAll('\n', ' ')}\n${sql}\n`] : [],
  )
  return statements.join('\n')
}

const MAX_WIDTH = 100
/** Before what can be run, which is never wrapped. */
const RUN = ' '.repeat(8)

type Mark = Severity | 'well' | 'skipped'

const SIGNS: Readonly<Record<Mark, string>> = {
  well: '\u001b[32m✔\u001b[0m',
  error: '\u001b[31m✗\u001b[0m',
  warning: '\u001b[33m!\u001b[0m',
  note: '\u001b[36m·\u001b[0m',
  skipped: '\u001b[2m–\u001b[0m',
}
const WORDS: Readonly<Record<Mark, string>> = {
  well: 'ok     ',
  error: 'ERROR  ',
  warning: 'warning',
  note: 'note   ',
  skipped: 'not seen',
}

/** Undefined where standard output is a file or a pipe, or colours are not wanted. */
function terminalWidth(environment: Environment): number | undefined {
  const { isTTY, columns } = process.stdout
  if (!isTTY || environment['NO_COLOR']) return undefined
  return Math.min(columns || MAX_WIDTH, MAX_WIDTH)
}

/**
 * For people: a group for each area. A terminal gets signs and wrapped lines, anything else words and
 * one line for each finding.
 *
 * @param width of the terminal, in characters; undefined where it is none
 */
export function reportText(report: Report, width: number | undefined): string {
  const isTerminal = width !== undefined
  const sign = (mark: Mark) => (isTerminal ? SIGNS[mark] : WORDS[mark].padEnd(8))
  const strong = (text: string) => (isTerminal ? `\u001b[1m${text}\u001b[0m` : text)
  const groups = Object.entries(AREAS).flatMap(([area, title]) => {
    const lines = report.examined
      .filter((one) => one.area === area)
      .flatMap((one) => linesOf(one, sign))
      .flatMap((line) => wrapped(line, width))
    return lines.length === 0 ? [] : [[strong(title), ...lines].join('\n')]
  })
  return `${groups.join('\n\n')}\n\n${summary(findingsOf(report))}\n`
}

/** At spaces, below the text of the first line. */
function wrapped(line: string, width = Number.POSITIVE_INFINITY): readonly string[] {
  const isRun = line.startsWith(RUN)
  if (isRun || stripVTControlCharacters(line).length <= width) return [line]
  const [indent = ''] = /^\s*/.exec(line) ?? []
  const below = indent.length > 2 ? indent : '    '
  const lines: string[] = []
  let current = ''
  for (const word of line.slice(indent.length).split(' ')) {
    const longer =
      current === '' ? `${lines.length === 0 ? indent : below}${word}` : `${current} ${word}`
    if (current !== '' && stripVTControlCharacters(longer).length > width) {
      lines.push(current)
      current = `${below}${word}`
    } else current = longer
  }
  return [...lines, current]
}

function linesOf(
  { what, findings, said, skipped }: Examined,
  sign: (mark: Mark) => string,
): readonly string[] {
  const lines = findings.flatMap((finding) => [
    `  ${sign(finding.severity)} ${finding.text} [${finding.kind}]`,
    ...remedyLines(finding.remedy),
  ])
  if (said !== undefined && findings.length === 0)
    lines.unshift(`  ${sign('well')} ${what}: ${said}`)
  if (skipped) lines.push(`  ${sign('skipped')} ${what}: ${skipped.why}`)
  return lines
}

function remedyLines({ sql, command, advice }: Remedy): readonly string[] {
  const indented = (text: string) => text.split('\n').map((line) => `${RUN}${line}`)
  return [
    ...(sql ? indented(sql) : []),
    ...(command ? indented(`$ ${command}`) : []),
    ...(advice ? [`      ${advice}`] : []),
  ]
}

function summary(findings: readonly Finding[]): string {
  const count = (severity: Severity, one: string, many: string) => {
    const n = findings.filter((finding) => finding.severity === severity).length
    return n === 0 ? [] : [`${n} ${n === 1 ? one : many}`]
  }
  const counts = [
    ...count('error', 'error', 'errors'),
    ...count('warning', 'warning', 'warnings'),
    ...count('note', 'note', 'notes'),
  ]
  return counts.length === 0 ? 'Nothing is wrong.' : `${counts.join(', ')}.`
}
