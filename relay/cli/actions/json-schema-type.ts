const MAX_DEPTH = 4

type JsonSchema = Readonly<Record<string, unknown>>

/** A JSON Schema as TypeScript would write the type. */
export function typeOf(given: unknown, depth = 0): string {
  if (typeof given !== 'object' || given === null) return 'unknown'
  const schema = given as JsonSchema
  if ('const' in schema) return JSON.stringify(schema['const'])
  const { enum: values, anyOf, oneOf, type, format } = schema
  if (Array.isArray(values)) return union(values.map((value) => JSON.stringify(value)))
  const parts = anyOf ?? oneOf
  if (Array.isArray(parts)) return union(parts.map((part) => typeOf(part, depth + 1)))
  if (Array.isArray(type)) return union(type.map((one) => typeOf({ ...schema, type: one }, depth)))
  if (type === 'array') return arrayType(schema, depth)
  if (type === 'object') return objectType(schema, depth)
  if (type === 'string' && typeof format === 'string') return `string (${format})`
  return typeof type === 'string' ? type : 'unknown'
}

function arrayType({ items }: JsonSchema, depth: number): string {
  const item = depth < MAX_DEPTH ? typeOf(items, depth + 1) : 'unknown'
  return item.includes(' | ') ? `(${item})[]` : `${item}[]`
}

function objectType(
  { properties, required, additionalProperties }: JsonSchema,
  depth: number,
): string {
  if (depth >= MAX_DEPTH) return 'object'
  if (typeof properties !== 'object' || properties === null) {
    if (typeof additionalProperties !== 'object') return 'object'
    return `{ [key]: ${typeOf(additionalProperties, depth + 1)} }`
  }
  const fields = Object.entries(properties).map(([name, property]) => {
    const isRequired = Array.isArray(required) && required.includes(name)
    return `${name}${isRequired ? '' : '?'}: ${typeOf(property, depth + 1)}`
  })
  return fields.length === 0 ? '{}' : `{ ${fields.join('; ')} }`
}

function union(parts: readonly string[]): string {
  return [...new Set(parts)].join(' | ') || 'never'
}
