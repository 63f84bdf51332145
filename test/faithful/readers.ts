import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import XLSX from '@e965/xlsx'
import { type ExportFormat, exportToFile } from '../../src/export/index.ts'
import type { LoggedEntry } from '../../src/read/logged-entry.ts'
import { tail } from '../../src/read/tail.ts'
import { timeline } from '../../src/read/timeline.ts'
import type { ScratchDatabase } from '../support/database.ts'
import { readerOf, scratchFolder } from '../support/exports.ts'
import { ocsfProblems } from '../support/ocsf.ts'
import { pageOn, readerOn } from '../support/pages.ts'
import { withoutMarks } from '../support/read-back.ts'
import type { Kept } from './compare.ts'

interface Log extends ScratchDatabase {
  /** How many entries it holds. */
  readonly rows: number
}

/** Reads the log in one of the ways that the package offers. */
type Reader = (t: TestContext, log: Log) => Promise<readonly Kept[]>

/** The page draws a whole list next to an entry, which takes long, so it opens about so many. */
const OPENED = 40
export const openedEvery = (rows: number) => Math.ceil(rows / OPENED)

export const READERS: Readonly<Record<string, Reader>> = {
  async timeline(t, log) {
    return (await wholeTimeline(t, log)).map(fromLogged)
  },
  async tail(t, log) {
    const kept: Kept[] = []
    const { signal } = t
    for await (const entry of tail(readerOf(t, log), { fromSeq: 1, signal })) {
      kept.push(fromLogged(entry))
      if (kept.length === log.rows) break
    }
    return kept
  },
  "the page's detail": async (t, log) => {
    const page = pageOn(readerOn(t, log))
    const kept: Kept[] = []
    for (const [at, { id }] of (await wholeTimeline(t, log)).entries()) {
      if (at % openedEvery(log.rows) !== 0) continue
      const text = await page.text(`?entry=${id}`)
      const [, json = ''] = /<pre id="json">(.*?)<\/pre>/s.exec(text) ?? []
      kept.push(JSON.parse(asText(json)) as Kept)
    }
    return kept
  },
  NDJSON: async (t, log) => (await linesOf(t, log, 'ndjson')).map(fromColumns),
  CSV: async (t, log) => {
    const book = XLSX.read(await exported(t, log, 'csv'), {
      type: 'string',
      raw: true,
      dense: true,
    })
    const sheet = book.Sheets[book.SheetNames[0] ?? ''] ?? {}
    const rows = XLSX.utils.sheet_to_json<Record<string, string | null>>(sheet, {
      ...{ raw: true, defval: null },
    })
    const given = await linesOf(t, log, 'ndjson')
    return rows.map((row, at) => {
      const { metadata, context, ...texts } = row
      // An apostrophe that the log has not is a mark against formulas.
      const plain = Object.entries(texts).map(([name, cell]) => {
        const inLog = given[at]?.[name]
        return [name, typeof inLog === 'string' && cell ? withoutMarks(cell, inLog) : cell]
      })
      const json = {
        metadata: documentIn(metadata ?? '', given[at]?.['metadata']),
        context: documentIn(context ?? '', given[at]?.['context']),
      }
      return fromColumns({ ...Object.fromEntries(plain), ...json })
    })
  },
  CloudEvents: async (t, log) =>
    (await linesOf(t, log, 'cloudevents')).map((event) => {
      const kept = fromColumns(event['data'] as Record<string, unknown>)
      const { subject = null } = event
      return {
        ...kept,
        action: String(event['type']),
        occurredAt: String(event['time']),
        targetId: subject === null ? null : String(subject),
      }
    }),
  OCSF: async (t, log) =>
    (await linesOf(t, log, 'ocsf')).map((event) => {
      assert.deepEqual(ocsfProblems(event), [])
      return fromOcsf(event)
    }),
}

const MAX_CELL_CHARACTERS = 32_767

/** The document of a cell. A cell that is cut says so, and its beginning is compared with the log's. */
function documentIn(cell: string, inLog: unknown): unknown {
  const [mark, length] = /…\[cut: (\d+) characters\]$/.exec(cell) ?? []
  if (mark === undefined) return JSON.parse(cell)
  const head = cell
    .slice(0, -mark.length)
    .replace(/\\u00(2b|2d|3d|40)/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    )
  const whole = JSON.stringify(inLog)
  const isTrue = Number(length) >= whole.length && whole.startsWith(head)
  return isTrue && cell.length <= MAX_CELL_CHARACTERS && whole.length > MAX_CELL_CHARACTERS
    ? inLog
    : `a cell that was cut after ${head.length} of ${length} characters`
}

async function wholeTimeline(t: TestContext, log: Log): Promise<readonly LoggedEntry[]> {
  const db = readerOf(t, log)
  const entries: LoggedEntry[] = []
  let cursor: string | undefined
  do {
    const page = await timeline(db, { limit: 500, cursor })
    entries.push(...page.entries)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return entries
}

async function exported(t: TestContext, log: Log, format: ExportFormat): Promise<string> {
  const out = path.join(scratchFolder(t), `log.${format}`)
  await exportToFile(readerOf(t, log), { format, out })
  return fs.readFileSync(out, 'utf8')
}

async function linesOf(t: TestContext, log: Log, format: ExportFormat) {
  const lines = (await exported(t, log, format)).trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

function fromLogged({ occurredAt, ...entry }: LoggedEntry): Kept {
  return { ...entry, occurredAt: occurredAt.toISOString() }
}

/** A record in the columns' names. */
function fromColumns(row: Record<string, unknown>): Kept {
  const text = (name: string) => (row[name] ?? null) as string | null
  return {
    action: text('action') ?? '',
    occurredAt: text('occurred_at') ?? '',
    userId: text('user_id'),
    eventId: text('event_id'),
    targetId: text('target_id'),
    actorId: text('actor_id'),
    actorKind: text('actor_kind'),
    outcome: text('outcome'),
    requestId: text('request_id'),
    entityType: text('entity_type'),
    metadata: row['metadata'],
    context: row['context'],
  }
}

interface OcsfEvent {
  readonly message: string
  readonly metadata: {
    readonly original_time: string
    readonly tenant_uid?: string
    readonly correlation_uid?: string
  }
  readonly entity: { readonly type: string; readonly uid?: string }
  readonly actor?: { readonly user?: { readonly uid: string } }
  readonly unmapped: {
    readonly metadata: unknown
    readonly context: unknown
    readonly actor_id?: string
    readonly actor_kind?: string
    readonly outcome?: string
  }
}

function fromOcsf(event: Record<string, unknown>): Kept {
  const { message, metadata, entity, actor, unmapped } = event as unknown as OcsfEvent
  // Who acted without a user stands in the user's place, and in `unmapped` as what he is.
  const isActor = actor?.user?.uid !== undefined && isAlone(unmapped, actor.user.uid)
  // OCSF wants a type, so an entry without one has its action's.
  const isOwnType = message.startsWith(`${entity.type}.`) || entity.type === message
  return {
    action: message,
    occurredAt: metadata.original_time,
    userId: isActor ? null : (actor?.user?.uid ?? null),
    eventId: metadata.tenant_uid ?? null,
    targetId: entity.uid ?? null,
    actorId: unmapped.actor_id ?? null,
    actorKind: unmapped.actor_kind ?? null,
    outcome: unmapped.outcome ?? null,
    requestId: metadata.correlation_uid ?? null,
    entityType: isOwnType ? null : entity.type,
    metadata: unmapped.metadata,
    context: unmapped.context,
  }
}

function isAlone({ actor_id, actor_kind }: OcsfEvent['unmapped'], uid: string): boolean {
  return actor_kind === undefined && actor_id === uid
}

/** The text that HTML shows. */
function asText(html: string): string {
  const known: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }
  return html.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal || hex) return String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16))
    return known[name] ?? whole
  })
}
