import {
  type DifferingFunctions,
  differingFunctions,
  FUNCTIONS_QUERY,
} from './compared/functions.ts'
import { type DirectConnection, type DirectTransaction, pinned } from './direct-connection.ts'
import { ROLES } from '../database/roles.ts'
import { type RoleSettings, roleName, roleStatements } from '../database/role-settings.ts'
import { LOCK_TABLE, series } from './series.ts'

/** What can be wrong after a restore, or after somebody changed it. */
export type Damage = 'functions' | 'owners' | 'grants' | 'triggers'

interface Grant {
  readonly role: string
  readonly kind: string
  readonly object: string
  readonly privilege: string
}

const GRANT =
  /^GRANT\s+(.+?)\s+ON\s+(?:(SCHEMA|SEQUENCE|FUNCTION|TABLE)\s+)?(.+?)\s+TO\s+(.+?);?$/is

/**
 * Repairs functions, owners, grants and the append-only triggers. A restore without them
 * (`pg_restore --no-owner --no-acl`) makes the login that restores the owner of the schema. Where
 * nothing is wrong it changes nothing.
 *
 * @returns what was wrong and is repaired
 */
export async function repair(
  client: DirectConnection,
  settings: RoleSettings,
): Promise<readonly Damage[]> {
  const statements = roleStatements(series(), settings)
  const damages = await pinned(client, (tx) => findDamage(tx, settings, statements))
  if (damages.length === 0) return damages
  await pinned(client, async (tx) => {
    const { missing, changed } = await findDifferences(tx)
    for (const { statement } of [...missing, ...changed]) await tx.unsafe(statement)
    // Everybody may call a new function, until the grants are set again.
    if (damages.includes('owners') || damages.includes('grants') || missing.length > 0) {
      for (const statement of statements) await tx.unsafe(statement)
    }
    if (damages.includes('triggers')) await tx.unsafe(MEND_TRIGGERS)
  })
  return damages
}

/** With roles off nothing names an owner or a role, so neither can be wrong. */
async function findDamage(
  tx: DirectTransaction,
  settings: RoleSettings,
  statements: readonly string[],
): Promise<readonly Damage[]> {
  const hasRoles = settings.roles === 'on'
  const roles = hasRoles ? ROLES.map((role) => roleName(role, settings)) : []
  const [row] = await tx`
    select
      exists (
        select from (
          select nspowner as owner from pg_namespace where nspname = 'audit'
          union all
          select relowner from pg_class
          where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p')
            and relname <> ${LOCK_TABLE.split('.')[1] ?? ''}
          union all
          select proowner from pg_proc where pronamespace = 'audit'::regnamespace
        ) as owned
        where ${hasRoles}::boolean and pg_get_userbyid(owner) <> ${roleName('audit_owner', settings)}
      ) as owners,
      exists (
        select from (
          select coalesce(proacl, acldefault('f', proowner)) as acl
          from pg_proc where pronamespace = 'audit'::regnamespace
          union all
          select nspacl from pg_namespace where nspname = 'audit'
          union all
          select relacl from pg_class where relnamespace = 'audit'::regnamespace
        ) as granted, aclexplode(granted.acl) as a
        where a.grantee = 0
      ) as is_public,
      (
        select count(*) from jsonb_array_elements_text(${JSON.stringify(roles)}::text::jsonb) as name
        where name not in (select rolname from pg_roles)
      ) > 0 as lacks_roles,
      (${UNGUARDED(tx)}) as triggers`
  const lacksGrants =
    row?.['is_public'] === true ||
    row?.['lacks_roles'] === true ||
    !(await hasGrants(tx, statements))
  const { missing, changed } = await findDifferences(tx)
  return [
    ...(missing.length + changed.length > 0 ? (['functions'] as const) : []),
    ...(row?.['owners'] === true ? (['owners'] as const) : []),
    ...(lacksGrants ? (['grants'] as const) : []),
    ...(row?.['triggers'] === true ? (['triggers'] as const) : []),
  ]
}

async function findDifferences(tx: DirectTransaction): Promise<DifferingFunctions> {
  return differingFunctions(await tx.unsafe(FUNCTIONS_QUERY), series())
}

async function hasGrants(tx: DirectTransaction, statements: readonly string[]): Promise<boolean> {
  const grants = statements.flatMap(grantsOf)
  const [row] = await tx`
    select coalesce(bool_and(case g.kind
      when 'SCHEMA' then has_schema_privilege(g.role, g.object, g.privilege)
      when 'FUNCTION' then coalesce(
        has_function_privilege(g.role, to_regprocedure(g.object), g.privilege), false)
      when 'SEQUENCE' then has_sequence_privilege(g.role, g.object, g.privilege)
      else has_table_privilege(g.role, g.object, g.privilege)
    end), true) as granted
    from jsonb_to_recordset(${JSON.stringify(grants)}::text::jsonb)
      as g (role text, kind text, object text, privilege text)`
  return row?.['granted'] === true
}

/** The rights that one GRANT statement of the series gives. Empty for any other statement. */
export function grantsOf(statement: string): readonly Grant[] {
  const text = statement.replaceAll(/^--.*$/gm, '').trim()
  const [, privileges = '', kind = 'TABLE', objects = '', roles = ''] = GRANT.exec(text) ?? []
  if (privileges === '') return []
  const list = (names: string) => names.split(/,(?![^(]*\))/).map((name) => name.trim())
  return list(privileges).flatMap((privilege) =>
    list(objects).flatMap((object) =>
      list(roles).map((role) => {
        const isSchema = kind.toUpperCase() === 'SCHEMA'
        return {
          role: role.replaceAll('"', ''),
          kind: kind.toUpperCase(),
          object: isSchema ? object.replaceAll('"', '') : object,
          privilege,
        }
      }),
    ),
  )
}

const SEAL_TABLES = `unnest(array[
  'audit.audit_origin', 'audit.audit_tile', 'audit.audit_salt', 'audit.audit_checkpoint',
  'audit.audit_cosignature'
]::regclass[])`

/**
 * Whether a partition of the log or a table of the seal lacks one of its triggers, or has it without
 * ENABLE ALWAYS.
 */
const UNGUARDED = (tx: DirectTransaction) => tx`
  select exists (
    select from ${tx.unsafe(SEAL_TABLES)} as sealed (relid)
    cross join unnest(array['audit_seal_row', 'audit_seal_truncate']) as wanted (name)
    where not exists (
      select from pg_trigger as g
      where g.tgrelid = sealed.relid and g.tgname = wanted.name and g.tgenabled = 'A'
        and g.tgfoid = 'audit.guard_seal()'::regprocedure
    )
  ) or exists (
    select from pg_partition_tree('audit.audit_log'::regclass) as part
    cross join unnest(array['audit_log_append_only', 'audit_log_row_append_only']) as wanted (name)
    where not exists (
      select from pg_trigger as g
      where g.tgrelid = part.relid and g.tgname = wanted.name and g.tgenabled = 'A'
        and g.tgfoid = 'audit.refuse_change'::regproc
    )
  )`

const MEND_TRIGGERS = `
do $$
declare
  part regclass;
  has_row_trigger constant boolean := exists (
    select from pg_trigger
    where tgrelid = 'audit.audit_log'::regclass and tgname = 'audit_log_row_append_only');
begin
  for part in select relid from pg_partition_tree('audit.audit_log'::regclass) where level > 0 loop
    if not has_row_trigger then
      execute format('drop trigger if exists audit_log_row_append_only on %s', part);
    end if;
  end loop;
  for part in select relid from pg_partition_tree('audit.audit_log'::regclass) order by level loop
    if not exists (select from pg_trigger
      where tgrelid = part and tgname = 'audit_log_row_append_only') then
      execute format(
        'create trigger audit_log_row_append_only before update or delete on %s '
        'for each row execute function audit.refuse_change()', part);
    end if;
    execute format('drop trigger if exists audit_log_append_only on %s', part);
    perform audit.guard_log_table(part);
  end loop;
  for part in select relid from ${SEAL_TABLES} as sealed (relid) loop
    perform audit.guard_seal_table(part);
  end loop;
end
$$`
