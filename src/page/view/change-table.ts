import { html, type Html } from '../http/html.ts'
import type { Change } from '../../timeline/changes.ts'
import { visible } from '../sentence/plain-text.ts'
import { folded, jsonLeaf } from './json-tree.ts'
import type { Words } from '../language/words.ts'
import { TextBudget } from './text-budget.ts'

const MAX_COMPARED_CHARACTERS = 4_000
/** Of all values of a table together, on both sides. */
const MAX_TABLE_CHARACTERS = 200_000
/** Texts with fewer equal characters at their ends are marked as a whole. */
const MIN_EQUAL_CHARACTERS = 8

/** Each changed field, before and after. */
export function changeTable(changes: readonly Change[], words: Words): Html {
  const budget = new TextBudget(MAX_TABLE_CHARACTERS, words)
  const rows = changes.map(
    ({ path, from, to }) => html`<tr><th scope="row">${path === '' ? '–' : visible(path)}</th>
<td>${cell(from, to, 'del', budget)}</td><td>${cell(to, from, 'ins', budget)}</td></tr>`,
  )
  return html`<section class="change-table"><h3>${words.say('changes')}</h3>
<table><thead><tr><th scope="col">${words.say('field')}</th><th scope="col">${words.say('before')}</th><th scope="col">${words.say('after')}</th>
</tr></thead><tbody>${rows}</tbody></table></section>`
}

/** One side of a change. If two texts differ only in the middle, only the middle is marked. */
function cell(value: unknown, other: unknown, tag: 'del' | 'ins', budget: TextBudget): Html {
  if (value === undefined) return html`<span class="null">${budget.words.say('notThere')}</span>`
  const mark = (inner: unknown) =>
    tag === 'del' ? html`<del>${inner}</del>` : html`<ins>${inner}</ins>`
  if (typeof value === 'object' && value !== null) {
    const text = JSON.stringify(value)
    return folded(text, mark(budget.take(text, MAX_COMPARED_CHARACTERS)))
  }
  if (typeof value !== 'string' || typeof other !== 'string') return mark(jsonLeaf(value, budget))
  const characters = Array.from(value.slice(0, MAX_COMPARED_CHARACTERS))
  const { head, tail } = equalEnds(characters, Array.from(other.slice(0, MAX_COMPARED_CHARACTERS)))
  if (head + tail < MIN_EQUAL_CHARACTERS) return mark(jsonLeaf(value, budget))
  const text = (from: number, to: number) => {
    return budget.take(characters.slice(from, to).join(''), MAX_COMPARED_CHARACTERS)
  }
  const end = characters.length - tail
  const whole = html`${text(0, head)}${mark(text(head, end))}${text(end, characters.length)}`
  return folded(value, whole)
}

/** How many characters are equal at the beginning and at the end, in whole words. */
function equalEnds(one: readonly string[], other: readonly string[]) {
  const length = Math.min(one.length, other.length)
  let head = 0
  while (head < length && one[head] === other[head]) head += 1
  let tail = 0
  while (tail < length - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1
  // Of "Friday" and "Saturday" the words are marked, not "Fri" and "Satur".
  while (head > 0 && isInsideWord(one, head)) head -= 1
  while (tail > 0 && isInsideWord(one, one.length - tail)) tail -= 1
  return { head, tail }
}

/** Whether the characters on both sides of this position are letters or digits. */
function isInsideWord(characters: readonly string[], at: number): boolean {
  return /^[\p{L}\p{N}]{2}$/u.test(`${characters[at - 1] ?? ''}${characters[at] ?? ''}`)
}
