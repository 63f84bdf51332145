import { html, type Html } from '../http/html.ts'
import { visible } from '../sentence/plain-text.ts'

/** The JSON under the tree shows all of it. */
const MAX_NODES = 1_000
const MAX_DEPTH = 40
const MAX_CHARACTERS = 4_000

/** JSON as an indented tree. All values are text, except that http and https addresses are links. */
export function jsonTree(value: Readonly<Record<string, unknown>>): Html {
  return branch(Object.entries(value), { nodesLeft: MAX_NODES }, 0)
}

interface Budget {
  nodesLeft: number
}

function branch(
  fields: readonly (readonly [string, unknown])[],
  budget: Budget,
  depth: number,
): Html {
  const rows: Html[] = []
  for (const [at, [key, value]] of fields.entries()) {
    if (budget.nodesLeft <= 0) {
      rows.push(html`<div class="cut">… ${fields.length - at} more in the JSON</div>`)
      break
    }
    budget.nodesLeft -= 1
    rows.push(html`<div><dt>${visible(key)}</dt><dd>${node(value, budget, depth)}</dd></div>`)
  }
  return html`<dl class="json-tree">${rows}</dl>`
}

function node(value: unknown, budget: Budget, depth: number): Html {
  if (typeof value !== 'object' || value === null) return jsonLeaf(value)
  const fields = Object.entries(value)
  if (fields.length === 0)
    return html`<span class="null">${Array.isArray(value) ? 'empty list' : 'empty'}</span>`
  if (depth >= MAX_DEPTH) return html`<span class="null">… more in the JSON</span>`
  return branch(fields, budget, depth + 1)
}

export function jsonLeaf(value: unknown): Html {
  if (value === null) return html`<span class="null">null</span>`
  if (value === '') return html`<span class="null">empty text</span>`
  if (typeof value !== 'string') return html`<span class="${typeof value}">${String(value)}</span>`
  const text = cut(value)
  const address = webAddress(value)
  if (address === undefined) return html`<bdi>${text}</bdi>`
  return html`<a href="${address}" rel="noopener noreferrer" target="_blank">${text}</a>`
}

function cut(value: string): string {
  if (value.length <= MAX_CHARACTERS) return visible(value)
  return `${visible(value.slice(0, MAX_CHARACTERS))}… (${value.length} characters)`
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
