import fs from 'node:fs'
import type postgres from 'postgres'
import type { Opening } from '../../src/seal/leaf.ts'

export interface GoldenEntry {
  readonly name: string
  /** Which databases can hold it. */
  readonly ids: 'uuid' | 'text'
  /** The export's line, as PostgreSQL 18 printed its values. */
  readonly line: string
  /** The row's 16 bytes as hex. */
  readonly salt: string
  readonly text: string
  /** The leaf's hash as hex. */
  readonly leaf: string
}

export interface GoldenErased {
  /** The name of the entry. */
  readonly of: string
  readonly fields: readonly string[]
  readonly line: string
  readonly opening: Opening
  readonly leaf: string
}

export interface GoldenLeaves {
  readonly entries: readonly GoldenEntry[]
  readonly erased: readonly GoldenErased[]
  readonly missing: readonly {
    readonly seq: number
    readonly text: string
    readonly leaf: string
  }[]
}

/** Computed by golden/make_leaves.py, which shares no code with src/seal. */
export const goldenLeaves: GoldenLeaves = JSON.parse(
  fs.readFileSync(new URL('../golden/leaves.json', import.meta.url), 'utf8'),
)

/** Puts those of the golden entries into the log that a database with such ids can hold. */
export async function logGoldenEntries(
  sql: postgres.Sql,
  ids: 'uuid' | 'text',
): Promise<readonly GoldenEntry[]> {
  const entries = goldenLeaves.entries.filter((entry) => entry.ids === ids || ids === 'text')
  for (const { line } of entries) {
    await sql.unsafe(
      `insert into audit.audit_log (
        seq, id, occurred_at, logged_at, written_by, event_id, action, entity_type, outcome,
        actor_kind, user_id, actor_id, target_id, more_targets, request_id, metadata, context,
        recorder_id, recorder_seq
      )
      select (l ->> 'seq')::bigint, (l ->> 'id')::uuid, (l ->> 'occurred_at')::timestamptz,
        (l ->> 'logged_at')::timestamptz, l ->> 'written_by', (l ->> 'event_id')::${ids},
        l ->> 'action', l ->> 'entity_type', l ->> 'outcome', l ->> 'actor_kind',
        (l ->> 'user_id')::${ids}, (l ->> 'actor_id')::${ids}, (l ->> 'target_id')::${ids},
        case when jsonb_typeof(l -> 'more_targets') = 'array' then array(
          select jsonb_array_elements_text(l -> 'more_targets')
        )::${ids}[] end,
        l ->> 'request_id', l -> 'metadata', l -> 'context', (l ->> 'recorder_id')::uuid,
        (l ->> 'recorder_seq')::bigint
      from (select $1::text::jsonb as l) as given`,
      [line],
    )
  }
  return entries
}
