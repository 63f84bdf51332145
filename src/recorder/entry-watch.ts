import type { CapturedEntry } from '../capture/captured-entry.ts'

/** Is told of each entry that a recorder of this process takes. */
export type EntryWatch = (entry: CapturedEntry) => void

/** For the coverage of tests. Undefined everywhere else. */
export let entryWatch: EntryWatch | undefined

/** @param watch must not throw */
export function watchEntries(watch: EntryWatch): void {
  entryWatch = watch
}
