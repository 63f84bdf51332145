/**
 * An object of ours. It inherits nothing, so that no key of a stranger (`__proto__`,
 * `constructor`) and nothing that somebody put on `Object.prototype` can mean anything; and it is
 * a class, because `Object.create(null)` makes a hash table of three times the size.
 */
export class JsonObject {
  [key: string]: unknown
}
Object.setPrototypeOf(JsonObject.prototype, null)
// The engine takes the room that an object gets from the first ones it sees. Four keys fit most.
for (let warm = 0; warm < 8; warm += 1) {
  Object.assign(new JsonObject(), { a: 0, b: 0, c: 0, d: 0 })
}

/** Both objects' keys in a new one, `over` before `base`, without some. Undefined where none are. */
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
