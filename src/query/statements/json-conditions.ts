import { type SQL, sql } from 'drizzle-orm'
import type { JsonTest, Term } from '../log-query.ts'
import { plainName } from '../aliases.ts'
import { isPhone } from '../word-forms.ts'

type FieldTerm = Extract<Term, { kind: 'field' }>

// Paths are in lax mode, so an array on the way stands for each of its items. They are silent, because a
// value of another type is no error.

const NUMBER = /^-?\d{1,15}(?:\.\d{1,6})?$/
const PAIR =
  '@.type() == "object" && ((exists(@."from") && exists(@."to")) || (exists(@."before") && exists(@."after")))'
/** Stored bytes up to which the text of an uncompressed JSON can have no more than some megabytes. */
const TEXT_BYTES = 1_000

function exists(json: SQL, path: string): SQL {
  return sql`pg_catalog.jsonb_path_exists(${json}, ${path}::pg_catalog.text::pg_catalog.jsonpath,
    '{}'::pg_catalog.jsonb, true)`
}

function steps(path: readonly string[]): string {
  return path.map((key) => `.${JSON.stringify(key)}`).join('')
}

/** Whether a value at a path passes a test. */
export function valueCondition(
  json: SQL,
  path: readonly string[],
  { test, value }: { readonly test: JsonTest; readonly value: string },
): SQL {
  if (test === 'has') return exists(json, `$${steps(path)}`)
  const check = test === 'is' ? equals(value) : compared(test, value)
  return exists(json, `$${steps(path)} ? (${check})`)
}

function compared(test: Exclude<JsonTest, 'is' | 'has'>, value: string): string {
  if (test !== '..') return `@ ${test} ${String(Number(value))}`
  const [least, most] = value.split('..').map(Number)
  return `@ >= ${String(least)} && @ <= ${String(most)}`
}

/** What may end the name of a field that is asked for by its beginning: `order` is `orderNumber`, too. */
const KEY_ENDS = '(?:[_. -]?(?:id|number|no|nr|code|key|name|ref))?'

/** Whether a field of this name, at any depth, holds a value or has one below it that passes a test. */
export function fieldCondition(
  json: SQL,
  { name, test, value, isWhole }: Pick<FieldTerm, 'name' | 'test' | 'value' | 'isWhole'>,
): SQL {
  const field = fieldPath(`${keyPattern(name)}${KEY_ENDS}`)
  if (test === 'no') return sql`(${exists(json, field)}) is not true`
  if (test === 'has') return exists(json, field)
  const check = test === 'is' ? holds(value, isWhole) : compared(test, value)
  return exists(json, `${field}.value.** ? (${check})`)
}

function fieldPath(key: string): string {
  const regex = JSON.stringify(`^${key}$`)
  return `$.** ? (@.type() == "object").keyvalue() ? (@.key like_regex ${regex} flag "i")`
}

/** `twofactor` is `two_factor`, `twoFactor` and `two-factor`. */
function keyPattern(name: string): string {
  return [...name].map(literally).join('[_. -]?')
}

function literally(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}_]/gu, (mark) => (mark > '~' ? mark : `\\${mark}`))
}

/** Whether a text holds a value, capitals or not, or is it. Of digits no more digits are around them. */
function holds(value: string, isWhole: boolean): string {
  const pattern = value.split('*').map(literally).join('.*')
  const isDigits = /^\d+$/.test(value)
  const around =
    isWhole || value.includes('*') ? [`^`, `$`] : isDigits ? ['(^|\\D)', '(\\D|$)'] : ['', '']
  const regex = JSON.stringify(around.join(pattern))
  const checks = [`@ like_regex ${regex} flag "is"`]
  if (NUMBER.test(value)) checks.push(`@ == ${String(Number(value))}`)
  if (['true', 'false', 'null'].includes(value)) checks.push(`@ == ${value}`)
  return checks.join(' || ')
}

function equals(value: string): string {
  if (value.includes('*')) {
    const pattern = value.split('*').map(literally)
    return `@ like_regex ${JSON.stringify(`^${pattern.join('.*')}$`)} flag "s"`
  }
  const checks = [`@ == ${JSON.stringify(value)}`]
  if (NUMBER.test(value)) checks.push(`@ == ${String(Number(value))}`)
  if (['true', 'false', 'null'].includes(value)) checks.push(`@ == ${value}`)
  return checks.join(' || ')
}

const ASCII = /^[\0-\x7f]*$/

/**
 * Whether a text in it holds a word, in capitals or not, or a number is one. A path decides. It takes
 * longer than a look at the text, so small documents, which most are, are looked at as text before. Some
 * documents the server cannot make a text: `1e131071` is short as jsonb. An ASCII letter of a path is its own
 * capital and no other letter in each locale, and "C" makes small letters of those alone, the fastest.
 */
export function wordCondition(json: SQL, word: string, isPattern = false): SQL {
  if (isPattern || isPhone(word)) {
    const pattern = isPattern
      ? word.split('*').map(literally).join('.*')
      : word
          .replaceAll(/[^\d+]/g, '')
          .split('')
          .map(literally)
          .join('[ ()/.-]*')
    return exists(json, `$.** ? (@ like_regex ${JSON.stringify(pattern)} flag "is")`)
  }
  const literal = JSON.stringify(word)
  const isNumber = NUMBER.test(word)
    ? ` || (@.type() == "number" && @ == ${String(Number(word))})`
    : ''
  const holds = `@.type() == "string" && @ like_regex ${literal} flag "iq"`
  const found = exists(json, `$.** ? ((${holds})${isNumber})`)
  const written = ASCII.test(word)
    ? sql`(${json}::pg_catalog.text collate pg_catalog."C")`
    : sql`${json}::pg_catalog.text`
  const text = isNumber === '' ? literal.slice(1, -1).toLowerCase() : String(Number(word))
  return sql`case
    when pg_catalog.pg_column_size(${json}) operator(pg_catalog.<=) ${sql.raw(String(TEXT_BYTES))}
      and pg_catalog.pg_column_compression(${json}) is null
    then pg_catalog.strpos(pg_catalog.lower(${written}), ${text}::pg_catalog.text)
      operator(pg_catalog.>) 0 and ${found}
    else ${found}
  end`
}

/**
 * Whether a field changed: a pair `{ from, to }` or `{ before, after }` under its name or below it, one
 * that names it in `field`, or one of objects that differ in it.
 */
export function changeCondition(json: SQL, path: readonly string[]): SQL {
  if (path.length === 0) return exists(json, `$.** ? (${PAIR})`)
  const name = JSON.stringify(path.join('.'))
  const [only = '', ...deeper] = path
  const key = plainName(only)
  const named = deeper.length > 0 || key === '' ? [] : [keyPattern(key)]
  const found = [
    ...named.map((pattern) => exists(json, `${fieldPath(pattern)}.value.** ? (${PAIR})`)),
    ...named.map((pattern) => {
      const regex = JSON.stringify(`^${pattern}$`)
      return exists(json, `$.** ? (@."field" like_regex ${regex} flag "i" && ${PAIR})`)
    }),
    exists(json, `$.**${steps(path)}.** ? (${PAIR})`),
    exists(json, `$.** ? (@."field" == ${name} && ${PAIR})`),
    ...path.map((_, at) => differs(json, path.slice(0, at), path.slice(at))),
  ]
  return sql`(${sql.join(found, sql` or `)})`
}

/** Whether the two sides of a pair differ at a path in them. */
function differs(json: SQL, outer: readonly string[], inner: readonly string[]): SQL {
  const pairs = `$.**${steps(outer)} ? (${PAIR})`
  const keys = sql.join(
    inner.map((key) => sql`${key}::pg_catalog.text`),
    sql`, `,
  )
  const at = (side: string) =>
    sql`pg_catalog.jsonb_extract_path(pair.value, ${sql.raw(`'${side}'`)}, ${keys})`
  const differ = (from: SQL, to: SQL) =>
    sql`(${from} operator(pg_catalog.=) ${to}) is not true and not (${from} is null and ${to} is null)`
  return sql`exists (
    select from pg_catalog.jsonb_path_query(${json},
      ${pairs}::pg_catalog.text::pg_catalog.jsonpath, '{}'::pg_catalog.jsonb, true) as pair (value)
    where case
      when pg_catalog.jsonb_exists(pair.value, 'from') and pg_catalog.jsonb_exists(pair.value, 'to')
      then ${differ(at('from'), at('to'))}
      else ${differ(at('before'), at('after'))}
    end
  )`
}
