import type { ActionDefinition } from '../../../src/actions/define-actions.ts'
import { loadCatalog } from '../../actions/load-catalog.ts'
import { type Field, fieldsOf } from './metadata-fields.ts'
import { sampleSentence } from './sample-sentence.ts'

/** One action of the catalogue, as it is printed. */
export interface PrintedAction {
  readonly action: string
  /** With placeholders such as `{color}`. Null: the timeline's own sentence. */
  readonly says: string | null
  readonly entityType: string | null
  readonly lane: 'fast' | 'outbox'
  /** Null: the schema does not tell its fields. Empty: no metadata. */
  readonly metadata: readonly Field[] | null
  /** The library of the schema. Null: there is no schema. */
  readonly vendor: string | null
}

export async function printActions(
  file: string,
  { json }: { readonly json: boolean },
): Promise<number> {
  const { definitions } = await loadCatalog(file)
  const printed = Array.from(definitions, ([action, definition]) =>
    printedAction(action, definition),
  )
  process.stdout.write(json ? `${JSON.stringify(printed)}\n` : markdownTable(printed))
  return 0
}

export function printedAction(action: string, definition: ActionDefinition): PrintedAction {
  const { describe, entityType = null, lane = 'fast', metadata: schema } = definition
  return {
    action,
    says: sampleSentence(action, describe) ?? null,
    entityType,
    lane,
    metadata: schema === undefined ? [] : (fieldsOf(schema) ?? null),
    vendor: schema === undefined ? null : String(schema['~standard'].vendor),
  }
}

export function markdownTable(actions: readonly PrintedAction[]): string {
  const rows = actions.map(({ action, says, entityType, lane, metadata, vendor }) => {
    const fields = metadata?.map(({ name, type, isRequired }) =>
      code(`${name}${isRequired ? '' : '?'}: ${type}`),
    )
    const shown = fields?.join('<br>') ?? `a schema of ${vendor}, which does not tell its fields`
    return [code(action), cell(says ?? ''), cell(entityType ?? ''), lane, shown]
  })
  const head = ['action', 'what it says', 'entity type', 'lane', 'metadata']
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

/** Text that Markdown shows as it is, on one line of a table. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>|~]/g, '\\$&')
}

/** A bar would end the cell, even in code. */
function code(text: string): string {
  return `\`${text.replaceAll(/[\s`]+/g, ' ').replaceAll('|', '\\|')}\``
}
