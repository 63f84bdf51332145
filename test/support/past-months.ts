import type postgres from 'postgres'

/**
 * Partitions for so many months before this one. They are in the catalogue, as closed ones are that
 * hold no entry yet.
 */
export async function makePastMonths(sql: postgres.Sql, count: number): Promise<void> {
  const months = await sql`
    select 'audit_log_' || to_char(m.start, 'YYYY_MM') as name,
      audit.id_floor(m.start) as from_id, audit.id_floor(m.start + interval '1 month') as to_id
    from (
      select date_trunc('month', now() at time zone 'UTC') at time zone 'UTC'
        - make_interval(months => ago) as start
      from generate_series(1, ${count}::integer) as ago
    ) as m`
  const statements = months.map(
    ({ name, from_id, to_id }) => `
      create table audit.${name} partition of audit.audit_log for values from ('${from_id}') to ('${to_id}');
      insert into audit.audit_partition (name, from_id, to_id, min_seq, max_seq, rows, closed_at)
      values ('${name}', '${from_id}', '${to_id}', 1, 0, 0, now());`,
  )
  await sql.unsafe(`set timezone = 'UTC'; ${statements.join('')}`)
}
