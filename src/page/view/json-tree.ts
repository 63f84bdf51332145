import { html, type Html } from '../http/html.ts'
import type { Words } from '../language/words.ts'
import { shortened } from '../sentence/plain-text.ts'
import { TextBudget } from './text-budget.ts'

/** The JSON under the tree, or an export, shows all of it. */
const MAX_NODES = 1_000
const MAX_DEPTH = 40
const MAX_CHARACTERS = 4_000
const MAX_UNFOLDED = 240
const SHOWN_OF_FOLDED = 80
const MAX_KEY_CHARACTERS = 500
/** Of all keys and texts of a tree together. */
const MAX_TREE_CHARACTERS = 200_000

/** JSON as an indented tree. All values are text, except that http and https addresses are links. */
export function jsonTree(value: Readonly<Record<string, unknown>>, words: Words): Html {
  const text = new TextBudget(MAX_TREE_CHARACTERS, words)
  return branch(value, { nodesLeft: MAX_NODES, text }, 0)
}

interface Budget {
  nodesLeft: number
  readonly text: TextBudget
}

function branch(value: object, budget: Budget, depth: number): Html {
  // Not by Object.entries, which makes a list of pairs of all that is not shown either.
  const keys = Array.isArray(value) ? undefined : Object.keys(value)
  const count = sizeOf(value)
  const rows: Html[] = []
  for (let at = 0; at < count; at += 1) {
    if (budget.nodesLeft <= 0 || budget.text.left <= 0) {
      rows.push(html`<div class="cut">${budget.text.words.count('moreInJson', count - at)}</div>`)
      break
    }
    budget.nodesLeft -= 1
    const key = keys?.[at] ?? String(at)
    const name = budget.text.take(key, MAX_KEY_CHARACTERS)
    const inner = node(Reflect.get(value, key), budget, depth)
    rows.push(html`<div><dt>${name}</dt><dd>${inner}</dd></div>`)
  }
  return html`<dl class="json-tree">${rows}</dl>`
}

function node(value: unknown, budget: Budget, depth: number): Html {
  if (typeof value !== 'object' || value === null) return jsonLeaf(value, budget.text)
  const { words } = budget.text
  if (sizeOf(value) === 0)
    return html`<span class="null">${words.say(Array.isArray(value) ? 'emptyList' : 'emptyObject')}</span>`
  if (depth >= MAX_DEPTH) return html`<span class="null">${words.say('restInJson')}</span>`
  return branch(value, budget, depth + 1)
}

function sizeOf(value: object): number {
  return Array.isArray(value) ? value.length : Object.keys(value).length
}

/** One value. Cut where it is longer than 4,000 characters, or than the budget. */
export function jsonLeaf(value: unknown, budget: TextBudget): Html {
  if (value === null) return html`<span class="null">null</span>`
  if (value === '') return html`<span class="null">${budget.words.say('emptyText')}</span>`
  if (typeof value !== 'string') return html`<span class="${typeof value}">${String(value)}</span>`
  const address = webAddress(value)
  const text = budget.take(value, MAX_CHARACTERS)
  if (address === undefined) return folded(value, html`<bdi>${text}</bdi>`)
  return html`<a href="${address}" rel="noopener noreferrer" target="_blank">${text}</a>`
}

/** A long text shows its beginning, until somebody opens it. */
export function folded(text: string, whole: Html): Html {
  if (text.length <= MAX_UNFOLDED) return whole
  return html`<details class="long"><summary>${shortened(text, SHOWN_OF_FOLDED)}</summary>${whole}</details>`
}

/** Other schemes, such as `javascript:` and `data:`, are dangerous and stay text. */
function webAddress(value: string): string | undefined {
  if (!/^https?:\/\/[^\s]{1,2000}$/i.test(value)) return undefined
  try {
    const url = new URL(value)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined
  }
}
