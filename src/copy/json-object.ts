/**
 * An object that holds copied JSON. It inherits nothing, so that a caller's key (`__proto__`,
 * `constructor`) and additions to `Object.prototype` have no effect. It is a class because
 * `Object.create(null)` makes a hash table, which is larger and slower. Measured in
 * hotpath-parts.md, "JsonObject".
 */
export class JsonObject {
  [key: string]: unknown
}
Object.setPrototypeOf(JsonObject.prototype, null)

/**
 * A new object with the keys of both, except those in `except`. `over` wins over `base`. Undefined
 * if no key is left.
 */
export function merge(
  base: JsonObject | undefined,
  over: JsonObject | undefined,
  except: readonly string[] = [],
): JsonObject | undefined {
  const merged = new JsonObject()
  let size = 0
  for (const from of [base, over]) {
    for (const key in from) {
      if (except.includes(key)) continue
      merged[key] = from[key]
      size += 1
    }
  }
  return size === 0 ? undefined : merged
}
