import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCapture } from '../src/capture/capture.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import type { RedactionCase } from './redaction-cases/case.ts'
import { REDACTION_CASES } from './redaction-cases/index.ts'

const { captureEntry } = createCapture({
  maxEntryBytes: 32_768,
  redactor: compileRedactor(undefined),
})

function stored(given: unknown): string {
  const captured = captureEntry({ action: 'case.try', metadata: { given } }, undefined, 0)
  return JSON.stringify(captured?.metadata)
}

/** As JSON writes it inside of a text. */
const quoted = (text: string) => JSON.stringify(text).slice(1, -1)

function isThrough({ given, gone }: RedactionCase): boolean {
  const json = stored(given)
  return gone.some((text) => json.includes(quoted(text)))
}

function isLost({ given, stays }: RedactionCase): boolean {
  const json = stored(given)
  if (stays === undefined) return json !== JSON.stringify({ given })
  return !stays.every((text) => json.includes(quoted(text)))
}

interface Rate {
  readonly kind: string
  readonly cases: number
  readonly wrong: readonly RedactionCase[]
}

function rates(cases: readonly RedactionCase[], isWrong: (one: RedactionCase) => boolean): Rate[] {
  return [...new Set(cases.map(({ kind }) => kind))].map((kind) => {
    const own = cases.filter((one) => one.kind === kind)
    return { kind, cases: own.length, wrong: own.filter(isWrong) }
  })
}

const sum = (all: readonly Rate[], of: (rate: Rate) => number) =>
  all.reduce((total, rate) => total + of(rate), 0)

function show(title: string, all: readonly Rate[]): string {
  const lines = all.map(({ kind, cases, wrong }) => `${kind}: ${wrong.length} of ${cases}`)
  return [title, ...lines].join('\n  ')
}

const examples = (all: readonly Rate[]) =>
  all.flatMap(({ wrong }) => wrong.map(({ given }) => stored(given).slice(0, 200))).join('\n')

const withSecrets = REDACTION_CASES.filter(({ gone }) => gone.length > 0)
const withHarmless = REDACTION_CASES.filter(({ stays }) => stays === undefined || stays.length > 0)

test('there are at least 400 labelled cases, of at least 20 systems', () => {
  assert.ok(REDACTION_CASES.length >= 400, `${REDACTION_CASES.length}`)
  assert.ok(new Set(REDACTION_CASES.map(({ system }) => system)).size >= 20)
})

test('at most 2 % of the secrets get through', (t) => {
  const all = rates(withSecrets, isThrough)
  t.diagnostic(show('secrets that got through', all))
  const wrong = sum(all, (rate) => rate.wrong.length)
  assert.ok(
    wrong / withSecrets.length <= 0.02,
    `${wrong} of ${withSecrets.length}\n${examples(all)}`,
  )
})

test('at most 3 % of the harmless values are censored', (t) => {
  const all = rates(withHarmless, isLost)
  t.diagnostic(show('harmless values that were censored', all))
  const wrong = sum(all, (rate) => rate.wrong.length)
  assert.ok(
    wrong / withHarmless.length <= 0.03,
    `${wrong} of ${withHarmless.length}\n${examples(all)}`,
  )
})

// Goal: the two tests above can fail.
test('without redaction every secret gets through', () => {
  const off = createCapture({ maxEntryBytes: 32_768, redactor: compileRedactor(false) })
  const through = withSecrets.filter(({ given, gone }) => {
    const captured = off.captureEntry({ action: 'a.b', metadata: { given } }, undefined, 0)
    return gone.some((text) => JSON.stringify(captured?.metadata).includes(quoted(text)))
  })
  assert.equal(through.length, withSecrets.length)
})
