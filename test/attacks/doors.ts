import { randomUUID } from 'node:crypto'
import type postgres from 'postgres'
import { numberedId } from '../support/lanes.ts'
import { refusalOf } from '../support/logins.ts'
import type { Arena } from './arena.ts'

/** An entry of an attack. Metadata and context are JSON text, so that they can hold any number. */
export interface Given {
  readonly id?: unknown
  readonly occurred_at?: string
  readonly action?: string | null
  readonly entity_type?: string
  readonly metadata?: string
  readonly context?: string
  /** More JSON members, as text: `"seq": 1`. Not for `stage`, whose rows have places. */
  readonly more?: string
}

export const DOORS = ['record', 'record_in', 'stage'] as const
export type Door = (typeof DOORS)[number]

export const KEY = 'the key of an attacker'

/** How many ids were made here: no two entries share one. */
let made = 0

function textOf(door: Door, given: Given): string {
  const { id, occurred_at = new Date().toISOString(), action = 'thing.do', more } = given
  const { entity_type = null, metadata = '{}', context = '{}' } = given
  const json = (value: unknown) => JSON.stringify(value)
  if (door === 'stage') {
    made += 1
    const own = json(id ?? numberedId(made))
    return `[${own},${json(occurred_at)},1,null,null,null,${json(action)},${json(entity_type)},null,${metadata},${context}]`
  }
  return `{${id === undefined ? '' : `"id":${json(id)},`}"occurred_at":${json(occurred_at)},"action":${json(action)},"entity_type":${json(entity_type)},"metadata":${metadata},"context":${context}${more ? `,${more}` : ''}}`
}

/** Puts entries through a door as the application. @returns the SQLSTATE where it was refused */
export async function put(
  app: postgres.Sql,
  door: Door,
  entries: readonly Given[],
  recorder = randomUUID(),
): Promise<string | undefined> {
  const text = `[${entries.map((one) => textOf(door, one)).join(',')}]`
  const refusal = await refusalOf(
    door === 'stage'
      ? app`select audit.stage(${recorder}, ${KEY}, array[${text}])`
      : app.unsafe(`select audit.${door}($1::text)`, [text]),
  )
  return refusal?.code
}

/** What the attack has left: rows that wait, dead letters by SQLSTATE, and what is logged. */
export async function leftIn({ sql }: Arena) {
  const [row] = await sql`
    select
      (select count(*)::integer from audit.audit_staging)
        + (select count(*)::integer from audit.audit_outbox) as waiting,
      (select count(*)::integer from audit.audit_log) as logged,
      (select coalesce(string_agg(distinct sqlstate, ', ' order by sqlstate), 'none')
        from audit.audit_dead_letter) as refused_with,
      (select count(*)::integer from audit.audit_dead_letter) as letters`
  return {
    waiting: Number(row?.['waiting']),
    logged: Number(row?.['logged']),
    letters: Number(row?.['letters']),
    refusedWith: String(row?.['refused_with']),
  }
}
