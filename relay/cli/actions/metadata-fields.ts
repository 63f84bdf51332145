import type { StandardSchema } from '../../../src/actions/standard-schema.ts'
import { typeOf } from './json-schema-type.ts'

/** A field of an action's metadata. */
export interface Field {
  readonly name: string
  /** As TypeScript writes it: `string`, `"a" | "b"`, `{ width: number }[]`. */
  readonly type: string
  readonly isRequired: boolean
}

const TARGET = 'draft-2020-12'
/** Zod refuses a `Date` and a bigint without it. */
const ZOD_OPTIONS = { unrepresentable: 'any', io: 'input' }

/**
 * The fields of a schema, from its JSON Schema: by Standard JSON Schema, as Zod 4 and ArkType have
 * it, else by a method of the schema. Valibot's schemas show their entries.
 *
 * @returns undefined where the schema does not tell them
 */
export function fieldsOf(schema: StandardSchema): readonly Field[] | undefined {
  const fields = fieldsOfJsonSchema(jsonSchemaOf(schema))
  if (fields === undefined) return fieldsOfEntries(schema)
  return fields.map((field) =>
    field.type === 'unknown' ? { ...field, type: zodTypeOf(schema, field.name) } : field,
  )
}

function jsonSchemaOf(schema: StandardSchema): unknown {
  const standard: unknown = Reflect.get(schema['~standard'], 'jsonSchema')
  const attempts = [
    () => call(standard, 'input', { target: TARGET, libraryOptions: ZOD_OPTIONS }),
    () => call(standard, 'input', { target: TARGET }),
    () => call(schema, 'toJSONSchema', ZOD_OPTIONS),
    () => call(schema, 'toJsonSchema', { fallback: ({ base }: { base: unknown }) => base }),
  ]
  for (const attempt of attempts) {
    try {
      const found = attempt()
      if (found !== undefined) return found
    } catch {
      // A type without a JSON Schema. Another way may have one for it.
    }
  }
  return undefined
}

/** The name of a type that JSON Schema does not have, such as `date`, by Zod's own definition. */
function zodTypeOf(schema: StandardSchema, name: string): string {
  let definition = definitionOf(Reflect.get(Object(Reflect.get(schema, 'shape')), name))
  while (definition['innerType'] !== undefined) definition = definitionOf(definition['innerType'])
  const { type } = definition
  return typeof type === 'string' ? type : 'unknown'
}

function definitionOf(schema: unknown): Readonly<Record<string, unknown>> {
  return Object(Reflect.get(Object(Reflect.get(Object(schema), '_zod')), 'def'))
}

function call(holder: unknown, name: string, options: object): unknown {
  const method: unknown = Reflect.get(Object(holder), name)
  return typeof method === 'function' ? method.call(holder, options) : undefined
}

function fieldsOfJsonSchema(found: unknown): readonly Field[] | undefined {
  const properties: unknown = Reflect.get(Object(found), 'properties')
  if (typeof properties !== 'object' || properties === null) return undefined
  const required: unknown = Reflect.get(Object(found), 'required')
  return Object.entries(properties).map(([name, property]) => ({
    name,
    type: typeOf(property),
    isRequired: Array.isArray(required) && required.includes(name),
  }))
}

const OPTIONAL = new Set(['optional', 'nullish', 'exact_optional', 'undefinedable'])

/** Valibot's objects hold a schema for each entry, and each says what it expects. */
function fieldsOfEntries(schema: StandardSchema): readonly Field[] | undefined {
  const entries: unknown = Reflect.get(schema, 'entries')
  if (typeof entries !== 'object' || entries === null) return undefined
  return Object.entries(entries).map(([name, entry]) => {
    const isRequired = !OPTIONAL.has(String(Reflect.get(Object(entry), 'type')))
    return { name, type: expectedOf(entry), isRequired }
  })
}

function expectedOf(entry: unknown): string {
  const wrapped: unknown = Reflect.get(Object(entry), 'wrapped')
  if (wrapped !== undefined) {
    const isNullable = /^null/.test(String(Reflect.get(Object(entry), 'type')))
    return isNullable ? `${expectedOf(wrapped)} | null` : expectedOf(wrapped)
  }
  const inner = fieldsOfEntries(Object(entry))
  if (inner !== undefined) {
    const fields = inner.map(
      ({ name, type, isRequired }) => `${name}${isRequired ? '' : '?'}: ${type}`,
    )
    return `{ ${fields.join('; ')} }`
  }
  const expects: unknown = Reflect.get(Object(entry), 'expects')
  return typeof expects === 'string' ? expects.replace(/^\((.*)\)$/, '$1') : 'unknown'
}
