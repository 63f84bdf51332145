import type postgres from 'postgres'

/** Users of the generated log, each with an address and a number of its own. */
export const USERS = 200_000
const STEP = 7_919 // shares no factor with USERS, so it leads through all of them
const FIRST = [
  'maria',
  'ada',
  'grace',
  'linus',
  'daria',
  'gloria',
  'peter',
  'josé',
  'anna',
  'emeka',
]
const LAST_PARTS = ['gonz', 'love', 'hop', 'tor', 'by', 'kah', 'mül', 'okon', 'sil', 'new']
const LAST_ENDS = ['ález', 'lace', 'per', 'valds', 'ron', 'lo', 'ler', 'kwo', 'va', 'man']

export function userOf(seq: number): number {
  return (seq * STEP) % USERS
}

export function nameOf(user: number): string {
  const at = (list: readonly string[], n: number) => list[n % 10] ?? ''
  const last = at(LAST_PARTS, Math.floor(user / 10)) + at(LAST_ENDS, Math.floor(user / 100))
  return `${at(FIRST, user)} ${last}`
}

export function emailOf(user: number): string {
  return `${nameOf(user).replace(' ', '.')}.${Math.floor(user / 1_000)}@mail.example`
}

export function ipOf(seq: number): string {
  return `10.${seq % 13}.${Math.floor(seq / 13) % 250}.${Math.floor(seq / 3_250) % 250}`
}

export const invoiceOf = (seq: number) => `INV-2026-${String(seq).padStart(9, '0')}`

/**
 * Entries as an application writes them, straight into the log: made by the server, 200 a second, the last one a
 * minute ago. One of three has an invoice; one of a thousand names a plan.
 */
export async function fillLog(
  sql: postgres.Sql,
  count: number,
  say: (progress: string) => void,
): Promise<void> {
  const endMs = Date.now() - 60_000
  const beginMs = endMs - count * 5
  const [begin, end] = [beginMs, endMs].map((ms) => new Date(ms).toISOString())
  await sql`select audit.ensure_partitions_between(${begin ?? ''}, ${end ?? ''})`
  const names = (list: readonly string[]) => `array[${list.map((one) => `'${one}'`).join(',')}]`
  for (let from = 1; from <= count; from += 250_000) {
    const to = Math.min(count, from + 249_999)
    await sql.unsafe(`
      insert into audit.audit_log (id, seq, occurred_at, logged_at, user_id, event_id, target_id, action,
        entity_type, request_id, metadata, context)
      select (lpad(to_hex(${beginMs}::bigint + n * 5), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid,
        n, to_timestamp((${beginMs}::bigint + n * 5) / 1000.0), to_timestamp((${beginMs}::bigint + n * 5) / 1000.0),
        md5('u' || u)::uuid, md5('e' || n % 500)::uuid, md5('t' || n % 1000000)::uuid,
        (array['guest.check_in', 'guest.update', 'invoice.pay', 'refund.issue', 'settings.update'])[1 + n % 5],
        (array['guest', 'invoice'])[1 + n % 2], md5('r' || n / 3),
        jsonb_build_object('name', name, 'email', replace(name, ' ', '.') || '.' || u / 1000 || '@mail.example',
          'cents', n % 99991)
          || case when n % 3 = 0 then jsonb_build_object('invoice', 'INV-2026-' || lpad(n::text, 9, '0')) else '{}'::jsonb end
          || case when n % 1000 = 7 then '{"plan": "goldenrod"}'::jsonb else '{}'::jsonb end,
        jsonb_build_object('ip', concat_ws('.', 10, n % 13, n / 13 % 250, n / 3250 % 250), 'method', 'POST',
          'route', '/events/:id/guests/:guest', 'userAgent',
          'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_' || n % 17 || ') AppleWebKit/605.1.15 Safari/605.1.15')
      from (
        select n, md5(n::text) as h, u,
          (${names(FIRST)})[1 + u % 10] || ' ' || (${names(LAST_PARTS)})[1 + u / 10 % 10]
            || (${names(LAST_ENDS)})[1 + u / 100 % 10] as name
        from generate_series(${from}::bigint, ${to}::bigint) as n, lateral (select (n * ${STEP} % ${USERS})::integer as u) as user_of
      ) as given`)
    await sql`update audit.audit_head set seq = ${to}`
    say(`${to} entries`)
  }
  await sql`vacuum analyze audit.audit_log`
}
