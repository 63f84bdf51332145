import type postgres from 'postgres'

/** The first moment of the month that many months ago. */
export function monthsAgo(months: number): Date {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months))
}

export function partitionOf(start: Date): string {
  return `audit_log_${start.toISOString().slice(0, 7).replace('-', '_')}`
}

/** A UUIDv7 of that moment. */
export function idAt(at: Date, number: number): string {
  const time = at.getTime().toString(16).padStart(12, '0')
  const rest = number.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${rest}`
}

/**
 * Makes the partition of a month in the past, as the relay made it in its time.
 *
 * @returns its name
 */
export async function makePartition(sql: postgres.Sql, months: number): Promise<string> {
  const start = monthsAgo(months)
  const name = partitionOf(start)
  await sql.begin(async (one) => {
    await one`set local role audit_owner`
    const [ids] = await one`
      select audit.id_floor(${start}) as from_id, audit.id_floor(${monthsAgo(months - 1)}) as to_id`
    await one.unsafe(`create table audit.${name} partition of audit.audit_log
      for values from ('${ids?.['from_id']}') to ('${ids?.['to_id']}')`)
    await one`select audit.guard_log_table(${`audit.${name}`}::text::regclass)`
    await one`
      insert into audit.audit_partition (name, from_id, to_id)
      values (${name}, ${ids?.['from_id']}, ${ids?.['to_id']})
      on conflict (name) do nothing`
  })
  return name
}

export interface OldEntry {
  readonly months: number
  readonly action: string
  readonly userId?: string
}

/**
 * Logs entries with times in the past, in this order, and moves the head behind them.
 *
 * @returns their numbers
 */
export async function logOld(sql: postgres.Sql, entries: readonly OldEntry[]): Promise<number[]> {
  const rows = entries.map(({ months, action, userId }, index) => ({
    id: idAt(
      new Date(monthsAgo(months).getTime() + 86_400_000),
      1 + Math.floor(Math.random() * 2 ** 40),
    ),
    number: index + 1,
    at: new Date(monthsAgo(months).getTime() + 86_400_000),
    action,
    user_id: userId ?? null,
  }))
  const [head] = await sql`select seq::integer as seq from audit.audit_head`
  const before = Number(head?.['seq'])
  await sql`
    insert into audit.audit_log (id, seq, occurred_at, action, user_id)
    select r.id, ${before} + r.number, r.at, r.action, r.user_id
    from json_to_recordset(${JSON.stringify(rows)}::text::json)
      as r (id uuid, number integer, at timestamptz, action text, user_id uuid)`
  await sql`update audit.audit_head set seq = ${before + rows.length}`
  return rows.map(({ number }) => before + number)
}

/** A policy, as an interval, by which the month that many months ago is due and the next one is not. */
export function keepUntil(months: number): string {
  const days = Math.floor((Date.now() - monthsAgo(months - 1).getTime()) / 86_400_000)
  return `${days - 5} days`
}
