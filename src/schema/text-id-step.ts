const COLUMNS = ['user_id', 'event_id', 'target_id', 'actor_id'] as const
const columnToText = (name: string, type: string) =>
  `alter column ${name} type ${type} collate pg_catalog."C" using ${name}::${type}`
/** @param table of the schema, quoted where it needs that */
export const toText = (table: string) =>
  `alter table audit.${table} ${[
    ...COLUMNS.map((name) => columnToText(name, 'pg_catalog.text')),
    columnToText('more_targets', 'pg_catalog.text[]'),
  ].join(', ')}`

export const LOG_TO_TEXT = toText('audit_log')
export const LANES_TO_TEXT = [
  toText('audit_staging'),
  toText('audit_outbox'),
  toText('audit_import'),
] as const
/** What was chosen last. What holds is the columns' type. */
export const NOTE_TEXT = "update audit.audit_schema_version set ids = 'text'"

/** A table that retention has built, and not swapped, is made again by its next run. */
export const FORGET_BUILDS = "delete from audit.audit_swap where state = 'built'"

/**
 * The step that `--ids text` takes after the series. It changes the columns' types, so Postgres makes
 * the partitions' indexes again and keeps everything else: partitions, guards, owners and grants.
 */
export const TEXT_ID_STEP: readonly string[] = [LOG_TO_TEXT, ...LANES_TO_TEXT, NOTE_TEXT]
