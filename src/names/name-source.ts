import { within } from '../within.ts'

/** Who asks for a name. */
export interface NameViewer {
  /** Of a viewer of one event: tell nothing that they may not know. */
  readonly onlyEventId?: string | undefined
  /**
   * Set where `hides`, `staffAs` or `actions` may keep a name of the log from the viewer: tell no name that
   * only entries tell.
   */
  readonly hidesNames?: true | undefined
}

/** The application's function that finds names for ids. */
export type NameLookup = (
  ids: readonly string[],
  viewer: NameViewer,
) => Promise<ReadonlyMap<string, string>>

/**
 * The application's function that finds ids for a name, or for a part of one. `onlyEventId` is that of
 * the viewer: find nothing there that they may not see.
 */
export type FindForViewer = (text: string, viewer: NameViewer) => Promise<readonly string[]>

/** Turns ids into names, and names into ids: the options `names` and `find` of the page. */
export interface NameSource {
  readonly names: NameLookup
  readonly find: FindForViewer
}

/** A source that is slower, or fails, leaves the word to the others. */
const SOURCE_TIMEOUT_MS = 900

/**
 * Asks several sources at once. Where several know a name, the one that stands first wins; what any of
 * them finds counts. One that fails or is slow is left out.
 *
 * ```ts
 * const { names, find } = firstNames({ names: namesOfUsers, find: findUsers }, namesFromLabels(db))
 * const page = createTimelinePage({ db, authorize, names, find })
 * ```
 */
export function firstNames(...sources: readonly Partial<NameSource>[]): NameSource {
  return {
    async names(ids, viewer) {
      const answers = await Promise.all(
        sources.map(({ names }) => orNothing(() => names?.(ids, viewer), new Map())),
      )
      return new Map(answers.toReversed().flatMap((answer) => [...answer]))
    },
    async find(text, viewer) {
      const answers = await Promise.all(
        sources.map(({ find }) => orNothing(() => find?.(text, viewer), [])),
      )
      return [...new Set(answers.flat())]
    },
  }
}

async function orNothing<T>(ask: () => Promise<T> | undefined, nothing: T): Promise<T> {
  try {
    return (await within(SOURCE_TIMEOUT_MS, ask(), () => nothing)) ?? nothing
  } catch {
    return nothing
  }
}
