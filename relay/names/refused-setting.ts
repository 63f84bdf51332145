export type SettingName = 'AUDIT_NAMES_SQL' | 'AUDIT_FIND_SQL'

const COLUMNS: Readonly<Record<SettingName, string>> = {
  AUDIT_NAMES_SQL:
    'two columns, the id and the name: select id, name from users where id = any($1)',
  AUDIT_FIND_SQL: "one column, the id: select id from users where name ilike '%' || $1 || '%'",
}

/** What is wrong with a statement, by the SQLSTATE with which Postgres refused it. */
export function whyRefused(setting: SettingName, code: string): string {
  return `${setting} ${WHY[code]?.(setting) ?? `is refused by the database (${code}).`}`
}

const UNTYPED = 'does not say of which type a parameter is: write $1::text, or $2::text.'

const WHY: Readonly<Record<string, (setting: SettingName) => string>> = {
  '42601': (setting) => `is no single SELECT. It must return ${COLUMNS[setting]}`,
  '42P10': (setting) => `must return ${COLUMNS[setting]}`,
  '42P01': () =>
    'names a table that is not there, or not in the search_path of the login: write the schema, too, as ' +
    'public.users.',
  '3F000': () => 'names a schema that is not there.',
  '42703': () => 'names a column that is not there.',
  '42501': () =>
    'reads what the login of AUDIT_READER_DATABASE_URL may not read: grant select on users to that login.',
  '42883': () =>
    'compares what cannot be compared, or calls a function that is not there: $1 of AUDIT_NAMES_SQL is a ' +
    'list, as in id = any($1), that of AUDIT_FIND_SQL a text.',
  '42P08': () => UNTYPED,
  '42P18': () => UNTYPED,
  '25006': () => 'writes. It may only read.',
  '57014': () => 'took longer than a second.',
}
