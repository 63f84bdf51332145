/**
 * An object that holds copied JSON. It inherits nothing, so that a caller's key (`__proto__`,
 * `constructor`) and additions to `Object.prototype` have no effect. It is a class because
 * `Object.create(null)` makes a hash table of three times the size.
 */
export class JsonObject {
  [key: string]: unknown
}
Object.setPrototypeOf(JsonObject.prototype, null)
// The engine sizes new objects by the first ones it sees. Four keys fit most objects.
for (let warm = 0; warm < 8; warm += 1) {
  Object.assign(new JsonObject(), { a: 0, b: 0, c: 0, d: 0 })
}

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
