import type { LogQuery, QueryPart, Term } from '../query/log-query.ts'
import { OUTCOMES } from '../entry.ts'
import { isPhone, wordRuns } from '../query/word-forms.ts'
import { bitsToFind, bitsToFindId } from './text-bits.ts'

/**
 * A part of a query as bits: an entry that meets it has all bits of one of the alternatives. An entry that
 * has them need not meet it.
 */
export interface Needle {
  readonly alternatives: readonly (readonly number[])[]
  /** Whether it looks for text, to which no index of the log leads. */
  readonly isText: boolean
}

/** As the conditions on JSON take a word for a number. */
const NUMBER = /^-?\d{1,15}(?:\.\d{1,6})?$/
/** Values that are no text and no number. */
const NAMED = new Set(['true', 'false', 'null'])
const TEXT_KINDS = new Set<Term['kind']>(['word', 'json', 'field', 'ip', 'action'])

/** The parts of a query that can be told by bits. Those that cannot narrow nothing. */
export function needlesOf({ parts }: LogQuery): readonly Needle[] {
  return parts.flatMap((part) => needleOf(part) ?? [])
}

/** The needle of a column that holds an id. */
export function idNeedle(id: string): Needle {
  return { alternatives: [bitsToFindId(id)], isText: false }
}

/** The needle of an action, or of a pattern of actions. Undefined: it is too short to have one. */
export function actionNeedle(pattern: string): Needle | undefined {
  const bits = pieces(pattern)
  return bits && { alternatives: [bits], isText: false }
}

function needleOf({ isNot, terms }: QueryPart): Needle | undefined {
  if (isNot) return undefined
  const alternatives: (readonly number[])[] = []
  for (const term of terms) {
    const found = alternativesOf(term)
    if (found === undefined) return undefined
    alternatives.push(...found)
  }
  return { alternatives, isText: terms.some(isText) }
}

function isText(term: Term): boolean {
  if (term.kind === 'action') return term.isWord || term.pattern.replace(/\.\*$/, '').includes('*')
  if (term.kind === 'text') return term.column !== 'requestId'
  return TEXT_KINDS.has(term.kind)
}

/** Undefined: an entry that meets it may have any bits. */
function alternativesOf(term: Term): readonly (readonly number[])[] | undefined {
  switch (term.kind) {
    case 'word':
      if (isElsewhere(term.text)) return undefined
      return all([
        term.isPattern ? pieces(term.text) : bitsToFind(term.text),
        ...(term.stems ?? []).map((stem) => pieces(wordRuns(stem).join('*'))),
        ...(NUMBER.test(term.text) ? [bitsToFind(String(Number(term.text)))] : []),
        ...[term.text, ...(term.ids ?? [])].map(bitsToFindId),
      ])
    case 'id':
      return (term.ids?.length ? term.ids : [term.text]).map(bitsToFindId)
    case 'text':
      if (term.column === 'writtenBy') return undefined
      return all([term.column === 'requestId' ? bitsToFindId(term.value) : bitsToFind(term.value)])
    case 'action':
      if (!term.isWord) return all([pieces(term.pattern)])
      return all((term.stems ?? [term.pattern]).map((word) => pieces(wordRuns(word).join('*'))))
    case 'ip':
      if (term.range.version !== 4 || !term.range.cidr.endsWith('/32')) return undefined
      return all([bitsToFind(term.range.cidr.slice(0, -3))])
    case 'json':
      if (term.test !== 'is' || NAMED.has(term.value)) return undefined
      if (term.value.includes('*')) return all([pieces(term.value)])
      return all([
        bitsToFind(term.value),
        ...(NUMBER.test(term.value) ? [bitsToFind(String(Number(term.value)))] : []),
      ])
    case 'field':
      if (term.test !== 'is' || NAMED.has(term.value)) return undefined
      return all([
        pieces(term.value),
        ...(NUMBER.test(term.value) ? [bitsToFind(String(Number(term.value)))] : []),
      ])
    default:
      return undefined
  }
}

/** Whether a word may be found by a column that has no bits, or by its digits alone. */
function isElsewhere(word: string): boolean {
  const lower = word.toLowerCase()
  return OUTCOMES.some((known) => known === lower) || isPhone(word)
}

function all(given: readonly (readonly number[] | undefined)[]) {
  const found = given.filter((bits) => bits !== undefined)
  return found.length === given.length ? found : undefined
}

/** The bits of what stands between stars. */
function pieces(pattern: string): readonly number[] | undefined {
  const found = pattern.split('*').flatMap((piece) => bitsToFind(piece) ?? [])
  return found.length === 0 ? undefined : found
}
