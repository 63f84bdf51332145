import type postgres from 'postgres'

/** A policy that counts already, as if it had been set long ago. Null: forever. */
export async function setPolicy(
  sql: postgres.Sql,
  actions: string,
  keep: string | null,
): Promise<void> {
  await sql`
    insert into audit.audit_policy (actions, keep, set_at, effective_at, entry)
    values (${actions}, ${keep}, now() - interval '1 day', now() - interval '1 day', gen_random_uuid())`
}

/** @returns the hold's id */
export async function placeHold(sql: postgres.Sql, userId: string): Promise<string> {
  const [row] = await sql`select audit.place_hold('a case', user_id => ${userId}) as id`
  return String(row?.['id'])
}

export async function releaseHold(sql: postgres.Sql, id: string): Promise<void> {
  await sql`select audit.release_hold(${id})`
}
