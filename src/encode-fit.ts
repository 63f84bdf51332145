import { Copier } from './copy.ts'
import type { JsonObject } from './json-object.ts'
import { compileRedactor } from './redact.ts'
import { headOf, mendJson } from './text.ts'

/** What an entry's JSON is joined from, and what can be given up when it is too long. */
export interface Parts {
  /** The ids, the time and the action, as JSON up to where the next column goes. Always fits. */
  readonly head: string
  readonly entityType: string | undefined
  readonly requestId: string | undefined
  readonly metadata: JsonObject | undefined
  readonly metadataJson: string | undefined
  readonly detailsJson: string | undefined
  /** What is given up to fit is added here. */
  readonly marks: string[]
  readonly redacted: readonly string[]
  readonly invalid: Readonly<Record<string, string>>
}

/** How much of the room cut metadata is to fill, try after try: escapes and accents take more. */
const SHARES = [0.9, 0.4, 0.15]
/** Less room than this is not worth a try. */
const MIN_METADATA_BYTES = 256
/** What is kept of the text columns when hardly more than the ids has room. */
const MIN_TEXT_CHARACTERS = 32

/**
 * Joins an entry's parts into JSON of at most so many bytes, exactly. What gives way, in order: some
 * of the metadata, all of it, the context's details, and then everything but ids, time, action and
 * the beginnings of the other names: these never take the 1,024 bytes that the limit may come down to.
 */
export function createFitter(maxEntryBytes: number): (parts: Parts) => string {
  // What it copies has been redacted in the call.
  const shrinker = new Copier(compileRedactor(false))

  /** The metadata again, with less of it; undefined where that does not help. */
  function shrink(metadata: JsonObject, json: string, room: number): string | undefined {
    if (room < MIN_METADATA_BYTES) return undefined
    const characters = (json.length * room) / Buffer.byteLength(json)
    for (const share of SHARES) {
      shrinker.begin(Math.floor(characters * share))
      const shorter = mendJson(JSON.stringify(shrinker.copyAgain(metadata)))
      if (Buffer.byteLength(shorter) <= room) return shorter
    }
    return undefined
  }

  return (parts) => {
    const whole = join(parts)
    // A character takes three bytes at most, so that most entries need no counting.
    if (whole.length * 3 <= maxEntryBytes || Buffer.byteLength(whole) <= maxEntryBytes) return whole

    const { metadata, metadataJson, marks } = parts
    let less = parts
    if (metadata !== undefined && metadataJson !== undefined) {
      add(marks, 'metadata.truncated')
      const room = maxEntryBytes - Buffer.byteLength(join({ ...parts, metadataJson: '' }))
      const stub = `{"truncated":true,"bytes":${Buffer.byteLength(metadataJson)}}`
      less = { ...parts, metadataJson: shrink(metadata, metadataJson, room) ?? stub }
    }
    if (Buffer.byteLength(join(less)) <= maxEntryBytes) return join(less)

    add(marks, 'context.truncated')
    less = { ...less, detailsJson: undefined }
    if (Buffer.byteLength(join(less)) <= maxEntryBytes) return join(less)

    add(marks, 'entry.truncated')
    return join({
      ...less,
      entityType: less.entityType && headOf(less.entityType, MIN_TEXT_CHARACTERS),
      requestId: less.requestId && headOf(less.requestId, MIN_TEXT_CHARACTERS),
      metadataJson: undefined,
      marks: ['entry.truncated'],
      redacted: [],
      invalid: {},
    })
  }
}

function add(marks: string[], mark: string): void {
  if (!marks.includes(mark)) marks.push(mark)
}

function join(parts: Parts): string {
  const { head, entityType, requestId, metadataJson } = parts
  const context = contextJson(parts)
  return (
    head +
    (entityType === undefined ? '' : `,"entity_type":${JSON.stringify(entityType)}`) +
    (requestId === undefined ? '' : `,"request_id":${JSON.stringify(requestId)}`) +
    (metadataJson === undefined ? '' : `,"metadata":${metadataJson}`) +
    (context === '' ? '}' : `,"context":{${context}}}`)
  )
}

function contextJson({ detailsJson, marks, redacted, invalid }: Parts): string {
  const members: string[] = []
  if (detailsJson !== undefined && detailsJson !== '{}') members.push(detailsJson.slice(1, -1))
  if (marks.length > 0) members.push(`"degraded":${list(marks)}`)
  if (redacted.length > 0) members.push(`"redacted":${list(redacted)}`)
  const names = Object.keys(invalid)
  if (names.length > 0) {
    members.push(`"invalid":{${names.map((name) => `"${name}":${text(invalid[name])}`).join(',')}}`)
  }
  return members.join(',')
}

// Each text by itself: somebody's toJSON on Array.prototype is not asked about a string.
function list(texts: readonly string[]): string {
  return `[${texts.map(text).join(',')}]`
}

function text(value: string | undefined): string {
  return mendJson(JSON.stringify(value ?? ''))
}
