import { readdirSync, readFileSync } from 'node:fs'

/**
 * The files of `client/` that are sent to browsers, by name.
 *
 * The build replaces this module by one that holds the texts, so that a bundle needs no file next to
 * it.
 */
export function clientFiles(): Readonly<Record<string, string>> {
  const folder = new URL('../client/', import.meta.url)
  const names = readdirSync(folder).filter((name) => /\.(?:css|js|svg)$/.test(name))
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
  )
}
