import type postgres from 'postgres'

/** `random`: as a proxy in front may send them. Anything else: as the middleware makes them. */
const areRandom = process.env['AUDIT_BENCH_REQUEST_IDS'] === 'random'
/** How the ids of requests are, in words. */
export const REQUEST_IDS = areRandom ? 'at random' : 'in order of time'

/** SQL for the id of a request, of the digits of a hash and of the milliseconds `ms`. */
export function requestIdOf(hash: string): string {
  if (areRandom) return `${hash}::uuid::text`
  const rest = `'7' || substr(${hash}, 1, 3) || '8' || substr(${hash}, 4, 15)`
  return `(lpad(to_hex(ms), 12, '0') || ${rest})::uuid::text`
}

/**
 * Fills the fast lane with entries as the demo's recorder stages them: three UUIDs, a request id,
 * three metadata keys, what the middleware puts into the context; 2,000 events of which some are
 * busy, 20,000 users, half a million targets. Ids in the order of recording, 100 to a millisecond.
 *
 * On the server, because nobody stages that fast. The same numbers give the same entries.
 */
export async function fillStaging(sql: postgres.Sql, rows: number, from = 0): Promise<void> {
  const startMs = Date.now() - Math.ceil((from + rows) / 100)
  await sql`
    insert into audit.audit_staging (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq,
      action, entity_type, request_id, metadata, context
    )
    select
      (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(n % 100), 3, '0') || '8'
        || substr(hash, 1, 15))::uuid,
      to_timestamp(ms / 1000.0),
      md5('user' || floor(20000 * (1 - sqrt(1 - r2)))::integer)::uuid,
      md5('event' || floor(2000 * power(r1, 3))::integer)::uuid,
      md5('target' || floor(500000 * r3)::integer)::uuid,
      md5('recorder' || n % 4)::uuid,
      1 + n / 4,
      (array['branding.update', 'session.login', 'ticket.update', 'order.create', 'page.publish',
        'email.send', 'user.invite', 'report.export'])[1 + n % 8],
      'branding',
      ${sql.unsafe(requestIdOf("md5('request' || n)"))},
      jsonb_build_object('field', 'primaryColor', 'before', '#ff' || n % 9999, 'after', '#00ff00'),
      jsonb_build_object('ip', '10.0.' || n % 250 || '.7', 'method', 'POST', 'route',
        '/events/:event/branding', 'userAgent',
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36')
    from (
      select n, hash, ${startMs}::bigint + n / 100 as ms,
        ('x' || substr(hash, 1, 8))::bit(32)::bigint / 4294967296.0::float8 as r1,
        ('x' || substr(hash, 9, 8))::bit(32)::bigint / 4294967296.0::float8 as r2,
        ('x' || substr(hash, 17, 8))::bit(32)::bigint / 4294967296.0::float8 as r3
      from (
        select n, md5('entry' || n) as hash
        from generate_series(${from}::bigint, ${from + rows - 1}::bigint) as n
      ) as hashed
    ) as made`
}

/**
 * Stages entries of now into a lane that is empty and has no dead rows, and writes a checkpoint: each
 * round of a drain begins the same. 500 events, everything else different in each.
 */
export async function stageNow(sql: postgres.Sql, rows: number): Promise<void> {
  await sql`vacuum audit.audit_staging`
  await sql`
    insert into audit.audit_staging (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action, entity_type,
      request_id, metadata, context
    )
    select audit.new_id(), now(), gen_random_uuid(), md5('event' || n % 500)::uuid,
      gen_random_uuid(), '01990000-0000-7000-8000-00000000000a', n, 'branding.update', 'branding',
      'req-' || n, jsonb_build_object('from', n), '{"ip": "203.0.113.7"}'
    from generate_series(1, ${rows}::integer) as n`
  await sql`checkpoint`
}
