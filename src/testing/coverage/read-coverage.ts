import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { optionInvalid } from '../../errors.ts'
import { declaredRoute, partsOf } from './route-pattern.ts'
import type { Note } from './folder.ts'

/** Why a route need not record, or a GET route may, by the route. */
export type Exemptions = Readonly<Record<string, string>>

/** What a run of tests recorded, by route. A route is written as `POST /events/:eventId`. */
export interface Coverage {
  /** Routes that change something: POST, PUT, PATCH, DELETE, and those of all methods. */
  readonly changing: readonly string[]
  /** Those of them in which nothing was recorded, and that are not exempt. */
  readonly missing: readonly string[]
  /** GET and HEAD routes in which something was recorded, and that are not exempt. */
  readonly recordingReads: readonly string[]
  /** Exemptions of routes that do not exist, or that record as they should. */
  readonly idleExemptions: readonly string[]
  readonly exempt: Exemptions
  /** Whether the run has to fail. So it has where no application was watched. */
  readonly isComplete: boolean
}

const CHANGING = new Set(['POST', 'PUT', 'PATCH', 'DELETE', 'ALL'])
const READING = new Set(['GET', 'HEAD'])
const MIN_REASON_CHARACTERS = 10

/**
 * Reads what all processes of a run noted in a folder.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for an exemption without a reason
 */
export function readCoverage(folder: string, exempt: Exemptions = {}): Coverage {
  checkReasons(exempt)
  const notes = readNotes(folder)
  const declared = unique(notes.flatMap((note) => ('route' in note ? note.route : [])))
  const recorded = unique(notes.flatMap((note) => ('recorded' in note ? note.recorded : [])))
  const isRead = (route: string) => READING.has(partsOf(route).method)
  const changing = declared.filter((route) => CHANGING.has(partsOf(route).method))
  const covered = new Set(
    recorded.filter((route) => !isRead(route)).map((route) => declaredRoute(route, changing)),
  )
  const reads = unique(
    recorded.filter(isRead).map((route) => declaredRoute(route, declared.filter(isRead)) ?? route),
  )
  const missing = changing.filter((route) => !covered.has(route) && !(route in exempt))
  const recordingReads = reads.filter((route) => !(route in exempt))
  const idleExemptions = Object.keys(exempt).filter(
    (route) => !(changing.includes(route) && !covered.has(route)) && !reads.includes(route),
  )
  const failures = missing.length + recordingReads.length + idleExemptions.length
  return {
    ...{ changing, missing, recordingReads, idleExemptions, exempt },
    isComplete: declared.length > 0 && failures === 0,
  }
}

/** The same as lines to read. */
export function coverageText(coverage: Coverage): string {
  const { changing, missing, recordingReads, idleExemptions, exempt, isComplete } = coverage
  if (!isComplete && changing.length + recordingReads.length + idleExemptions.length === 0) {
    return (
      'Audit coverage: no route was seen. Call watchRoutes(app), of audit-outbox/testing, where the ' +
      'tests make their application.\n'
    )
  }
  const reasons = Object.entries(exempt).filter(([route]) => !idleExemptions.includes(route))
  const counts = `${changing.length} routes that change something, ${missing.length} without an entry`
  return [
    `${isComplete ? '✔' : '✗'} Audit coverage: ${counts}`,
    ...list('Nothing was recorded in', missing),
    ...list('These only read, and something was recorded in', recordingReads),
    ...list('These exemptions are not needed, or name no route', idleExemptions),
    ...list(
      'Exempt',
      reasons.map(([route, reason]) => `${route}: ${reason}`),
    ),
    '',
  ].join('\n')
}

function list(title: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [`  ${title}:`, ...items.map((item) => `    ${item}`)]
}

function checkReasons(exempt: Exemptions): void {
  const without = Object.entries(exempt)
    .filter(
      ([, reason]) => typeof reason !== 'string' || reason.trim().length < MIN_REASON_CHARACTERS,
    )
    .map(([route]) => `"${route}"`)
  if (without.length === 0) return
  throw optionInvalid(
    `An exemption needs a written reason, of ${MIN_REASON_CHARACTERS} characters or more. It is ` +
      `missing for ${without.join(', ')}.`,
  )
}

function readNotes(folder: string): readonly Note[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n'))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Note]
      } catch {
        return [] // the last line of a process that was killed
      }
    })
}

function unique(routes: readonly string[]): readonly string[] {
  return [...new Set(routes)].sort()
}
