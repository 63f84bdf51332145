import type postgres from 'postgres'

const ID = '0199d400-0000-7000-8000-'
const USER = '0190a0a0-1111-7222-8333-444455556666'
const OTHER = '0190a0a0-1111-7222-8333-444455557777'

/** The columns of an entry as SQL; `null` where one is left out. */
type SqlColumns = Readonly<Record<string, string>>

const nines = '9'.repeat(400)
/** Entries whose text is easily printed in two ways, or taken for something else. */
const HOSTILE: readonly SqlColumns[] = [
  {},
  { occurred_at: `'2026-01-02 03:04:05Z'`, logged_at: `'2026-01-02 03:04:05.1Z'` },
  { occurred_at: `'0044-03-15 12:00:00.000001+00 BC'`, logged_at: `'0001-01-01 00:00:00+00'` },
  { occurred_at: `'0044-03-15 12:00:00.000001+00'`, logged_at: `'294276-12-31 23:59:59.999999Z'` },
  { occurred_at: `'infinity'`, logged_at: `'-infinity'` },
  { occurred_at: `'2026-03-29 02:30:00+01'`, logged_at: `'1999-12-31 23:59:59.999990Z'` },
  { user_id: `'${USER}'`, actor_id: `'${OTHER}'`, target_id: `'${OTHER}'` },
  { more_targets: `array['${USER}', '${OTHER}']`, actor_kind: `'agent'`, outcome: `'denied'` },
  { more_targets: `array['${USER}']`, event_id: `'${OTHER}'` },
  { recorder_id: `'${OTHER}'`, recorder_seq: '9007199254740993' },
  { metadata: `'{"amount": 9007199254740993, "rate": 0.10, "zero": -0.0, "big": ${nines}}'` },
  { metadata: `'{"amount": 9007199254740992, "rate": 0.1, "small": 1e-400, "exp": 1e30}'` },
  { metadata: `'{"b": 1, "a": {"c": [1, [2, {}], null, true]}, "b": 2, "": ""}'` },
  { metadata: String.raw`'{"tab": "\t\n\r\b\f", "quote": "\"\\\/", "low": "\u0001\u001f\u007f"}'` },
  { metadata: String.raw`'{"line": "\u2028\u2029", "bom": "\ufeff", "\ud83d\ude00": "é and é"}'` },
  { context: String.raw`'{"x": "\",\"context\":{\"y\":1}"}'`, metadata: `'{}'` },
  { request_id: `'","metadata":{"a":1},"context":{},"recorder_id":null,"recorder_seq":null}'` },
  { request_id: `e'\\x01\\t\\n\\\\ "quoted" \\u2028 ☃'`, entity_type: `e'a"b\\\\c'` },
  { written_by: `e'o"brien\\\\\\u00e9'`, action: `'Ünïcode.☃'` },
  {
    user_id: `'${USER}'`,
    request_id: `'r'`,
    metadata: `'{"n": null}'`,
    context: `'{"ip": "::1"}'`,
  },
]

/** Appends the hostile entries to a log, numbered on. @returns how many */
export async function appendHostileRows(sql: postgres.Sql): Promise<number> {
  for (const [at, columns] of HOSTILE.entries()) {
    const row: SqlColumns = {
      id: `'${ID}${at.toString(16).padStart(12, '0')}'`,
      occurred_at: `'2026-01-02 03:04:05.678Z'`,
      logged_at: `'2026-01-02 03:04:05.678901Z'`,
      action: `'thing.update'`,
      ...columns,
      ...(columns['more_targets'] && {
        more_targets:
          `${columns['more_targets']}::text[]::` +
          `${(await typeOf(sql, 'more_targets')) ?? 'uuid[]'}`,
      }),
    }
    await sql.unsafe(`
      with head as (update audit.audit_head set seq = seq + 1 returning seq)
      insert into audit.audit_log (seq, ${Object.keys(row).join(', ')})
      select head.seq, ${Object.values(row).join(', ')} from head`)
  }
  return HOSTILE.length
}

async function typeOf(sql: postgres.Sql, column: string): Promise<string | undefined> {
  const [row] = await sql`
    select format_type(a.atttypid, null) as type from pg_attribute as a
    where a.attrelid = 'audit.audit_log'::regclass and a.attname = ${column}`
  return row?.['type']
}

/** Settings of a session that change how Postgres prints values. */
export const HOSTILE_SETTINGS: readonly string[] = [
  `set timezone = 'Asia/Kathmandu'`,
  `set timezone = 'America/New_York'; set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601'`,
  `set datestyle = 'German'; set extra_float_digits = -5; set bytea_output = 'escape'`,
  `set standard_conforming_strings = off; set backslash_quote = on; set search_path = pg_temp`,
  `set client_encoding = 'LATIN1'; set lc_messages = 'C'; set array_nulls = off; set xmlbinary = hex`,
]
