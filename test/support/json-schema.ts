import type { JsonSchema } from '../../src/page/api/json-schema.ts'

/** Where a value differs from a schema, of the few words that ours have. */
export function fits(value: unknown, schema: JsonSchema, at = '$'): readonly string[] {
  const types = [schema.type ?? []].flat()
  if (types.length > 0 && !types.some((type) => isOf(value, type))) {
    return [`${at} is not ${types.join(' or ')}`]
  }
  if (
    schema.format === 'date-time' &&
    typeof value === 'string' &&
    Number.isNaN(Date.parse(value))
  ) {
    return [`${at} is no time`]
  }
  if (Array.isArray(value)) {
    const { items } = schema
    return items ? value.flatMap((one, n) => fits(one, items, `${at}[${n}]`)) : []
  }
  if (typeof value !== 'object' || value === null) return []
  const { properties = {}, required = [], additionalProperties = true } = schema
  const missing = required
    .filter((name) => !(name in value))
    .map((name) => `${at}.${name} is missing`)
  const wrong = Object.entries(value).flatMap(([name, inner]) => {
    const own = properties[name]
    if (own) return fits(inner, own, `${at}.${name}`)
    if (additionalProperties === false) return [`${at}.${name} is not in the schema`]
    return typeof additionalProperties === 'object'
      ? fits(inner, additionalProperties, `${at}.${name}`)
      : []
  })
  return [...missing, ...wrong]
}

function isOf(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === type
}
