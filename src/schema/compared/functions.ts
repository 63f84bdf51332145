/** Migrations, oldest first. */
type Series = readonly { readonly statements: readonly string[] }[]

/** A function as the last migration that has it made it. */
export interface ExpectedFunction {
  readonly name: string
  /** The whole CREATE statement. */
  readonly statement: string
  readonly body: string
  readonly isDefiner: boolean
  readonly volatility: string
  /** Settings, as in `search_path=pg_catalog, pg_temp`, with names in lower case. */
  readonly settings: readonly string[]
}

const NAMED = '"audit"\\."(\\w+)"'

/** The functions of the schema, the newest text of each. */
export function expectedFunctions(series: Series): readonly ExpectedFunction[] {
  const found = new Map<string, ExpectedFunction>()
  const statements = series.flatMap((migration) => migration.statements)
  for (const text of statements) {
    const start = text.search(/^CREATE OR REPLACE FUNCTION /m)
    const statement = start < 0 ? '' : ended(text.slice(start).trim())
    const [, name = ''] = new RegExp(`^CREATE OR REPLACE FUNCTION ${NAMED}`).exec(statement) ?? []
    const [, header = '', body = ''] = /^([\s\S]*?)\sAS \$\$([\s\S]*)\$\$;$/.exec(statement) ?? []
    if (name === '' || header === '') continue
    found.delete(name)
    found.set(name, { name, statement, body, ...optionsOf(header) })
  }
  return [...found.values()]
}

function optionsOf(header: string) {
  const options = header.slice(header.lastIndexOf('\nLANGUAGE'))
  const settings = Array.from(
    options.matchAll(/SET (\w+) = (.+?)(?=\s+SET |\s*$)/g),
    ([, name = '', value = '']) => `${name.toLowerCase()}=${value.replaceAll("'", '')}`,
  )
  return {
    isDefiner: /\bSECURITY DEFINER\b/.test(options),
    volatility: /\b(IMMUTABLE|STABLE)\b/.exec(options)?.[1]?.toLowerCase() ?? 'volatile',
    settings,
  }
}

function ended(text: string): string {
  return text.endsWith(';') ? text : `${text};`
}

/** The functions of the schema as a database has them, for {@link differingFunctions}. */
export const FUNCTIONS_QUERY = `
  select p.proname::text as name, p.oid::regprocedure::text as signature, p.prosrc as body,
    p.prosecdef as is_definer, p.provolatile::text as volatility,
    array_to_json(p.proconfig)::text as settings
  from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where n.nspname = 'audit'`

type Row = Readonly<Record<string, unknown>>

export interface DifferingFunctions {
  readonly missing: readonly ExpectedFunction[]
  /** Their text or their settings are not those of this package. */
  readonly changed: readonly ExpectedFunction[]
  /** The signatures of those that this package does not make. */
  readonly strange: readonly string[]
}

/**
 * @param found the rows of {@link FUNCTIONS_QUERY}
 * @param series that makes the functions
 */
export function differingFunctions(found: readonly Row[], series: Series): DifferingFunctions {
  const expected = new Map(expectedFunctions(series).map((one) => [one.name, one]))
  const signatures = (rows: readonly Row[]) => rows.map(({ signature }) => String(signature))
  const missing: ExpectedFunction[] = []
  const changed: ExpectedFunction[] = []
  const strange = signatures(found.filter(({ name }) => !expected.has(String(name))))
  for (const one of expected.values()) {
    const same = found.filter(({ name }) => name === one.name)
    const others = same.filter((row) => !isAsMade(row, one))
    if (same.length === 0) missing.push(one)
    else if (others.length < same.length) strange.push(...signatures(others))
    else changed.push(one)
  }
  return { missing, changed, strange }
}

const VOLATILITY: Readonly<Record<string, string>> = { v: 'volatile', s: 'stable', i: 'immutable' }

function isAsMade(row: Row, { body, isDefiner, volatility, settings }: ExpectedFunction): boolean {
  const found: readonly string[] = JSON.parse(String(row['settings'] ?? '[]'))
  const plain = found.map((setting) =>
    setting.replace(/^\w+/, (name) => name.toLowerCase()).replaceAll(/['"]/g, ''),
  )
  return (
    row['body'] === body &&
    row['is_definer'] === isDefiner &&
    VOLATILITY[String(row['volatility'])] === volatility &&
    [...plain].sort().join() === [...settings].sort().join()
  )
}
