import { html } from 'hono/html'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import { document, masthead } from './document.ts'
import { filters } from './filter-form.ts'
import type { Html, Scene } from './view-state.ts'

export interface PageParts {
  readonly main: Html
  readonly histogram?: Html | undefined
  readonly detail?: Html | undefined
  readonly shown?: readonly LoggedEntry[]
  /** Where new entries come from, while the page is live. */
  readonly stream?: string | undefined
}

/** The whole page: what is asked above, what was found beneath, one entry beside it. */
export function page(scene: Scene, parts: PageParts): Html {
  const { main, histogram = '', detail = '', shown = [], stream } = parts
  const following = stream === undefined ? '' : html` data-stream="${stream}"`
  const body = html`${masthead(scene)}
<main class="${detail === '' ? '' : 'with-detail'}" id="page"${following}>
${filters(scene, shown)}
${histogram}
<div class="columns">
${main}
<div id="aside">${detail}</div>
</div>
</main>`
  return document({ title: titleOf(scene), theme: scene.theme }, body)
}

function titleOf({ query }: Scene): string {
  const chosen = ['action', 'user', 'event', 'target', 'request'].flatMap(
    (name) => query.given[name]?.slice(0, 40) ?? [],
  )
  return [...chosen, 'Audit log'].join(' · ')
}
