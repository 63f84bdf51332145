/**
 * An object that every copy of this package in the process shares. A bundler may put several into
 * one: Next does so for each of its layers, and again after each change of a file.
 *
 * @param name with a version, which changes when what is kept there does
 */
export function processWide<Kept extends object>(name: string): Partial<Kept> {
  const key = Symbol.for(`audit-outbox.${name}`)
  const place = globalThis as { [key]?: Partial<Kept> }
  place[key] ??= {}
  return place[key]
}
