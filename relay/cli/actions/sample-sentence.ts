import { inLanguage } from '../../../src/actions/describe-entry.ts'
import type { ActionDefinition, DescribedEntry } from '../../../src/actions/define-actions.ts'

const SAMPLE_TIME = new Date(0)

/**
 * What `describe` says about an entry that stands for all of its action: each value is shown by its
 * name, as in "The colour was changed to {color}". Where the sentence depends on a value, it is one
 * of several.
 *
 * @returns undefined where there is no such function, or it cannot do without real values
 */
export function sampleSentence(
  action: string,
  given: ActionDefinition['describe'],
): string | undefined {
  const describe = inLanguage(given, 'en')
  if (describe === undefined) return undefined
  const counted: string[] = []
  const sample = {
    ...{ id: '{id}', seq: 1, occurredAt: SAMPLE_TIME, loggedAt: SAMPLE_TIME, action },
    ...{ moreTargets: null, outcome: null, actorId: null, actorKind: null },
    ...{ writtenBy: '{login}', userId: '{user}', eventId: '{event}', targetId: '{target}' },
    ...{ entityType: '{entityType}', requestId: '{request}', recorderId: null, recorderSeq: null },
    metadata: placeholder('', counted),
    context: placeholder('context', counted),
  }
  try {
    const told: unknown = describe(sample as DescribedEntry, 'en')
    const said = typeof told === 'function' ? String(told) : told // a value alone
    if (typeof said !== 'string' || said.trim() === '') return undefined
    // What was calculated with placeholders.
    return said.replaceAll('NaN', () => counted.shift() ?? '{…}')
  } catch {
    return undefined
  }
}

/**
 * A value whose text is its path. Its properties are values too, and so is what a call returns.
 *
 * @param counted takes the text of each value that a calculation asks for
 */
function placeholder(path: string, counted: string[]): Readonly<Record<string, unknown>> {
  const text = `{${path}}`
  const toPrimitive = (hint: string) => {
    if (hint !== 'number') return text
    counted.push(text)
    return Number.NaN
  }
  return new Proxy(() => {}, {
    get(_, key) {
      if (key === Symbol.toPrimitive) return toPrimitive
      if (key === 'toString' || key === 'toJSON') return () => text
      if (typeof key === 'symbol') return undefined
      return placeholder(path === '' ? key : `${path}.${key}`, counted)
    },
    // A method of the value, such as `toFixed`, makes another text of the same value.
    apply: () => placeholder(path.slice(0, Math.max(0, path.lastIndexOf('.'))), counted),
  }) as unknown as Readonly<Record<string, unknown>>
}
