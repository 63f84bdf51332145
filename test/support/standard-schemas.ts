import type { StandardSchema } from 'audit-outbox'

/** A schema by the interface of Standard Schema, whose `validate` does what a test wants. */
export function schemaThat<Input>(validate: (value: unknown) => unknown): StandardSchema<Input> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

interface TypeNames {
  readonly string: string
  readonly number: number
  readonly boolean: boolean
}

/** A schema of an object whose fields have these types. It has a JSON Schema, too. */
export function fieldsSchema<const Fields extends Readonly<Record<string, keyof TypeNames>>>(
  fields: Fields,
): StandardSchema<{ readonly [Name in keyof Fields]: TypeNames[Fields[Name]] }> {
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, type]) => [name, { type }]),
  )
  const validate = (value: unknown) => {
    const issues = Object.entries(fields)
      .filter(([name, type]) => typeof Reflect.get(Object(value), name) !== type)
      .map(([name]) => ({ message: `quotes ${JSON.stringify(value)}`, path: [name] }))
    return issues.length > 0 ? { issues } : { value }
  }
  const jsonSchema = { input: () => ({ properties, required: Object.keys(fields) }) }
  return { '~standard': { version: 1, vendor: 'test', validate, ...{ jsonSchema } } }
}
