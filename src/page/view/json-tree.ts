import { html } from 'hono/html'
import { visible } from '../sentence/plain-text.ts'
import type { Html } from './view-state.ts'

/** More than anybody reads; the JSON beneath has all of it. */
const MAX_NODES = 1_000
const MAX_DEPTH = 40
const MAX_CHARACTERS = 4_000

/** JSON as an indented tree. Values are text and nothing else; only http and https become links. */
export function tree(value: Readonly<Record<string, unknown>>): Html {
  return branch(Object.entries(value), { left: MAX_NODES }, 0)
}

interface Budget {
  left: number
}

function branch(
  fields: readonly (readonly [string, unknown])[],
  budget: Budget,
  depth: number,
): Html {
  const rows: Html[] = []
  for (const [at, [key, value]] of fields.entries()) {
    if (budget.left <= 0) {
      rows.push(html`<div class="cut">… ${fields.length - at} more: see the JSON</div>`)
      break
    }
    budget.left -= 1
    rows.push(html`<div><dt>${visible(key)}</dt><dd>${node(value, budget, depth)}</dd></div>`)
  }
  return html`<dl class="tree">${rows}</dl>`
}

function node(value: unknown, budget: Budget, depth: number): Html {
  if (typeof value !== 'object' || value === null) return leaf(value)
  const fields = Object.entries(value)
  if (fields.length === 0)
    return html`<span class="null">${Array.isArray(value) ? 'empty list' : 'empty'}</span>`
  if (depth >= MAX_DEPTH) return html`<span class="null">… deeper: see the JSON</span>`
  return branch(fields, budget, depth + 1)
}

export function leaf(value: unknown): Html {
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

/** `javascript:`, `data:` and the rest of them stay text. */
function webAddress(value: string): string | undefined {
  if (!/^https?:\/\/[^\s]{1,2000}$/i.test(value)) return undefined
  try {
    const url = new URL(value)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined
  }
}
