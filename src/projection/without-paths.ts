import { type SQL, sql } from 'drizzle-orm'

type Path = readonly string[]

/**
 * A JSON object without what lies at some paths. A list on a path stands for each of its items. What
 * lies in a list of lists is left out whole, so that nothing is overlooked.
 */
export function withoutPaths(document: SQL, paths: readonly Path[]): SQL {
  const keys = [...new Set(paths.filter(({ length }) => length === 1).map(([key = '']) => key))]
  const deep = paths.filter(([key = '', ...rest]) => rest.length > 0 && !keys.includes(key))
  const shallow = keys.length === 0 ? document : withoutKeys(document, keys)
  return deep.reduce((before, path) => without(before, path, { level: 0, isItem: false }), shallow)
}

function withoutKeys(object: SQL, keys: readonly string[]): SQL {
  const list = sql.join(
    keys.map((key) => sql`${key}::pg_catalog.text`),
    sql`, `,
  )
  return sql`(${object} operator(pg_catalog.-) array[${list}])`
}

interface Depth {
  /** Tells the names of the nested queries apart. */
  readonly level: number
  /** Whether the value is an item of a list. */
  readonly isItem: boolean
}

function without(value: SQL, path: Path, { level, isItem }: Depth): SQL {
  const [key = '', ...rest] = path
  const at = sql.raw(`value_${level}.v`)
  const inner = sql`${at} operator(pg_catalog.->) ${key}::pg_catalog.text`
  const object =
    rest.length === 0
      ? withoutKeys(sql`${at}`, [key])
      : sql`case when pg_catalog.jsonb_exists(${at}, ${key}::pg_catalog.text)
          then pg_catalog.jsonb_set(${at}, array[${key}::pg_catalog.text],
            ${without(inner, rest, { level: level + 1, isItem: false })})
          else ${at} end`
  const list = isItem
    ? sql`'[]'::pg_catalog.jsonb`
    : sql`(select coalesce(pg_catalog.jsonb_agg(
          ${without(sql.raw(`item_${level}.v`), path, { level: level + 1, isItem: true })}
          order by ${sql.raw(`item_${level}.n`)}), '[]'::pg_catalog.jsonb)
        from pg_catalog.jsonb_array_elements(${at}) with ordinality as ${sql.raw(`item_${level} (v, n)`)})`
  return sql`(select case pg_catalog.jsonb_typeof(${at})
      when 'object' then ${object} when 'array' then ${list} else ${at} end
    from (select ${value} as v) as ${sql.raw(`value_${level}`)})`
}

/** Behind each key of a name. */
const MARK = '\u0001'

/** A document without what changes in it tell of the fields at some paths. */
export function withoutChanges(document: SQL, paths: readonly Path[]): SQL {
  const hidden = sql.join(
    paths.map((path) => sql`${`${path.join(MARK)}${MARK}`}::pg_catalog.text`),
    sql`, `,
  )
  return sql`audit.without_changes(${document}, array[${hidden}])`
}
