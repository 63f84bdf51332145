import type postgres from 'postgres'

/**
 * The rare things that the benchmarks look for. Each run of the generator makes some of them, for a
 * log of any size.
 */
export const RARE = {
  /** A verb that hardly ever happens, of an entity that is in a tenth of all entries. */
  action: 'branding.purge',
  /** An entity that hardly ever happens. */
  entity: 'legal.*',
} as const

/**
 * As many entries in a log of any size, spread over all of it: what asks for them has the same
 * answer everywhere, and differs only in how much lies between. They need a log of 100,000 entries.
 */
export const STEADY = {
  entries: 52_000,
  /** Nearly all of them. */
  action: 'venue.update',
  /** One in 40. */
  seldomAction: 'venue.rename',
  /** One in 2,000: 26. */
  rareAction: 'venue.purge',
  entity: 'venue.*',
  /** One in 2,000. */
  rareEntity: 'archive.*',
} as const

const ACTIONS = [
  ...['branding.update', 'branding.publish', 'branding.view', 'branding.revert'],
  ...['registration.create', 'registration.update', 'registration.cancel', 'registration.approve'],
  ...['session.login', 'session.logout', 'session.refresh', 'session.view'],
  ...['ticket.create', 'ticket.update', 'ticket.scan', 'ticket.refund', 'ticket.view'],
  ...['order.create', 'order.pay', 'order.refund', 'order.view', 'order.export'],
  ...['page.publish', 'page.update', 'page.view', 'page.delete'],
  ...['email.send', 'email.schedule', 'email.open', 'email.bounce'],
  ...['user.invite', 'user.update', 'user.remove', 'user.view'],
  ...[
    'report.view',
    'report.export',
    'webhook.send',
    'webhook.fail',
    'apikey.create',
    'apikey.use',
  ],
]

export interface GenerateOptions {
  readonly rows: number
  /** The newest entry's time, in Unix milliseconds. */
  readonly endMs: number
  /** How many months the entries are spread over, evenly. */
  readonly months: number
  /** @default 1 */
  readonly firstSeq?: number
  /**
   * Where an earlier run was broken off: the first of `rows` that is still to be made. @default 1
   */
  readonly firstRow?: number
  /** Whether `STEADY` is among them. @default false */
  readonly hasSteady?: boolean
  /** Rows in one statement. @default 250 000 */
  readonly chunkRows?: number
  readonly onChunk?: (rows: number) => void
}

/**
 * Fills an empty log with entries that look like an application's: the first of 2,000 events has a
 * twelfth of all entries, 20,000 users, half a million targets, three entries to a request, 40
 * actions and two rare ones. The same numbers give the same entries.
 *
 * On the server, because no client can load faster than the server can make them up.
 */
export async function generateLog(sql: postgres.Sql, options: GenerateOptions): Promise<void> {
  const { rows, endMs, months, firstSeq = 1, firstRow = 1 } = options
  const { chunkRows = 250_000, onChunk = () => {}, hasSteady = false } = options
  const steady = hasSteady ? STEADY.entries : 0
  const spanMs = months * 30 * 86_400_000
  await makePartitions(sql, endMs - spanMs, endMs)
  for (let first = firstRow; first <= rows; first += chunkRows) {
    const last = Math.min(rows, first + chunkRows - 1)
    await sql`
      insert into audit.audit_log (
        id, seq, occurred_at, logged_at, user_id, event_id, target_id, action, entity_type,
        request_id, metadata, context
      )
      select
        (lpad(to_hex(ms), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
        n + ${firstSeq - 1}::bigint,
        to_timestamp(ms / 1000.0),
        to_timestamp((ms + 300) / 1000.0),
        case when nth is not null then md5('steady user')::uuid
          when dice < 0.97 then md5('user' || floor(20000 * (1 - sqrt(1 - r2)))::integer)::uuid end,
        case when nth % 2000 = 17 then md5('steady quiet event')::uuid
          when nth is not null then md5('steady event')::uuid
          when dice < 0.99 then md5('event' || floor(2000 * power(r1, 3))::integer)::uuid end,
        case when nth % 2000 = 13 then md5('steady target')::uuid
          when dice > 0.1 then md5('target' || floor(500000 * r3)::integer)::uuid end,
        action,
        split_part(action, '.', 1),
        case when dice > 0.05 then 'req-' || substr(md5('request' || n / 3), 1, 20) end,
        jsonb_build_object(
          'field', (array['logo', 'title', 'colour', 'price', 'capacity'])[1 + coalesce(nth, n) % 5],
          'from', 'value ' || n % 97, 'to', 'value ' || n % 89, 'step', coalesce(nth, n) % 1000
        ),
        jsonb_build_object(
          'ip', '10.' || n % 200 || '.' || n % 250 || '.7', 'method', 'POST',
          'route', '/events/:event/' || split_part(action, '.', 1), 'userAgent',
          'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36'
        )
      from (
        select n, hash, nth,
          (${endMs - spanMs}::bigint + (n::float8 / ${rows}::float8 * ${spanMs}::float8)::bigint)
            as ms,
          ('x' || substr(hash, 1, 8))::bit(32)::bigint / 4294967296.0::float8 as r1,
          ('x' || substr(hash, 9, 8))::bit(32)::bigint / 4294967296.0::float8 as r2,
          ('x' || substr(hash, 17, 8))::bit(32)::bigint / 4294967296.0::float8 as r3,
          ('x' || substr(hash, 25, 8))::bit(32)::bigint / 4294967296.0::float8 as dice,
          case
            when nth % 2000 = 7 then ${STEADY.rareAction}
            when nth % 2000 = 11 then 'archive.seal'
            when nth % 40 = 3 then ${STEADY.seldomAction}
            when nth is not null then ${STEADY.action}
            when n % 50000 = 7 then ${RARE.action}
            when n % 50000 = 11 then 'legal.hold'
            else (${sql.array(ACTIONS)}::text[])[
              1 + (('x' || substr(hash, 5, 6))::bit(24)::integer % ${ACTIONS.length})]
          end as action
        from (
          select n, md5('entry' || n) as hash,
            case when n * ${steady}::bigint / ${rows}::bigint
                > (n - 1) * ${steady}::bigint / ${rows}::bigint
              then n * ${steady}::bigint / ${rows}::bigint end as nth
          from generate_series(${first}::bigint, ${last}::bigint) as n
        ) as hashed
      ) as made`
    onChunk(last)
  }
  await sql`update audit.audit_head set seq = ${firstSeq + rows - 1}`
  await sql`analyze audit.audit_log`
}

/**
 * Fills the log without its indexes, but for the primary key, and makes them afterwards: it takes
 * minutes and not an hour.
 */
export async function withoutIndexes(
  sql: postgres.Sql,
  fill: () => Promise<void>,
  say: (text: string) => void,
): Promise<void> {
  const indexes = await sql`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as text
    from pg_index where indrelid = 'audit.audit_log'::regclass and not indisprimary`
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`)
  await fill()
  say('making the indexes')
  for (const { text: made } of indexes) await sql.unsafe(String(made).replace(' ON ONLY ', ' ON '))
  await sql`vacuum analyze`
}

/** The migration makes this month and those ahead; the benchmark needs those behind. */
export async function makePartitions(
  sql: postgres.Sql,
  fromMs: number,
  toMs: number,
): Promise<void> {
  const from = new Date(fromMs)
  let start = Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), 1)
  while (start <= toMs) {
    const month = new Date(start)
    const end = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1)
    const name = `audit_log_${month.toISOString().slice(0, 7).replace('-', '_')}`
    const bound = (ms: number) => `${ms.toString(16).padStart(12, '0')}${'0'.repeat(20)}`
    await sql.unsafe(
      `create table if not exists audit.${name} partition of audit.audit_log ` +
        `for values from ('${bound(start)}') to ('${bound(end)}')`,
    )
    start = end
  }
}

type IdName =
  | `${'busy' | 'quiet' | 'steady' | 'steadyQuiet'}Event`
  | 'user'
  | 'steadyUser'
  | 'target'
  | 'steadyTarget'
  | 'targetType'
  | 'request'

/** What to look for in a generated log: a busy and a quiet event, some user, target and request. */
export async function knownIds(sql: postgres.Sql, rows: number) {
  const [ids] = await sql`
    select
      md5('event0')::uuid::text as "busyEvent",
      md5('event1990')::uuid::text as "quietEvent",
      md5('steady event')::uuid::text as "steadyEvent",
      md5('steady quiet event')::uuid::text as "steadyQuietEvent",
      md5('steady user')::uuid::text as "steadyUser",
      md5('steady target')::uuid::text as "steadyTarget",
      user_id::text as "user", target_id::text as "target", entity_type as "targetType",
      request_id as "request"
    from audit.audit_log
    where seq > ${Math.floor(rows / 2)}
      and user_id <> md5('steady user')::uuid and target_id is not null and request_id is not null
    order by seq limit 1`
  return ids as Record<IdName, string>
}
