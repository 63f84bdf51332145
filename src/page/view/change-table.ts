import { html } from 'hono/html'
import type { Change } from '../sentence/changes.ts'
import { visible } from '../sentence/plain-text.ts'
import type { Html } from './view-state.ts'
import { leaf } from './json-tree.ts'

/** Before and after, field by field. */
export function diff(changes: readonly Change[]): Html {
  const rows = changes.map(
    ({ path, from, to }) => html`<tr><th scope="row">${path === '' ? '–' : visible(path)}</th>
<td>${side(from, to, 'del')}</td><td>${side(to, from, 'ins')}</td></tr>`,
  )
  return html`<section class="diff"><h3>Changes</h3>
<table><thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th>
</tr></thead><tbody>${rows}</tbody></table></section>`
}

const MIN_ALIKE = 8

/** Whether the place before this character is between two letters or figures. */
function isInWord(text: readonly string[], at: number): boolean {
  return /^[\p{L}\p{N}]{2}$/u.test(`${text[at - 1] ?? ''}${text[at] ?? ''}`)
}

/** Of two long texts that are mostly alike, only what differs is marked. */
function side(value: unknown, other: unknown, tag: 'del' | 'ins'): Html {
  if (value === undefined) return html`<span class="null">not there</span>`
  const mark = (inner: unknown) =>
    tag === 'del' ? html`<del>${inner}</del>` : html`<ins>${inner}</ins>`
  if (typeof value === 'object' && value !== null) return mark(visible(JSON.stringify(value)))
  if (typeof value !== 'string' || typeof other !== 'string') return mark(leaf(value))
  const one = Array.from(value.slice(0, 4_000))
  const two = Array.from(other.slice(0, 4_000))
  const shorter = Math.min(one.length, two.length)
  let head = 0
  while (head < shorter && one[head] === two[head]) head += 1
  let tail = 0
  while (tail < shorter - head && one.at(-1 - tail) === two.at(-1 - tail)) tail += 1
  // Whole words: of "Friday" and "Saturday" nobody wants to see "Fri" and "Satur".
  while (head > 0 && isInWord(one, head)) head -= 1
  while (tail > 0 && isInWord(one, one.length - tail)) tail -= 1
  if (head + tail < MIN_ALIKE) return mark(leaf(value))
  const text = (from: number, to: number) => visible(one.slice(from, to).join(''))
  const end = one.length - tail
  return html`${text(0, head)}${mark(text(head, end))}${text(end, one.length)}`
}
