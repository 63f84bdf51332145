import type { LoggedEntry } from '../read/logged-entry.ts'
import type { ActionDefinition, AnyCatalog, DescribedEntry } from './define-actions.ts'
import type { Language } from './language.ts'

/**
 * What a catalogue's `describe` says about an entry. It gets a copy, so that it cannot change what is
 * shown of the entry. Never throws.
 *
 * @returns undefined where there is no such function, where it throws or returns no text, and where
 * the entry's metadata is not what the schema describes
 */
export function describeEntry(
  catalog: AnyCatalog | undefined,
  entry: LoggedEntry,
  language: Language = 'en',
): string | undefined {
  const describe = inLanguage(catalog?.definitions.get(entry.action)?.describe, language)
  if (describe === undefined || !hasItsMetadata(entry)) return undefined
  try {
    const said: unknown = describe(structuredClone(entry) as DescribedEntry, language)
    if (said instanceof Promise) said.catch(() => {})
    return typeof said === 'string' && said.trim() !== '' ? said : undefined
  } catch {
    return undefined
  }
}

/** The function of a language, else the first one. */
export function inLanguage(describe: ActionDefinition['describe'], language: Language) {
  if (describe === undefined || typeof describe === 'function') return describe
  return describe[language] ?? Object.values(describe)[0]
}

/** Without it, a sentence would hold words such as "undefined". */
function hasItsMetadata({ context, unreadable }: LoggedEntry): boolean {
  const marks: unknown = context['degraded']
  if (unreadable || !Array.isArray(marks)) return !unreadable
  return !marks.some((mark) => mark === 'action.unknown' || String(mark).startsWith('metadata.'))
}
