import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ImportedEntry } from './imported-entry.ts'

export interface Sample {
  readonly entries: readonly ImportedEntry[]
  /** The numbers of the lines that are not events. */
  readonly brokenLines: readonly number[]
  /** Whether the file has more lines than were read. */
  readonly isCut: boolean
}

/** About ten seconds of replay. The demo is not an import tool. */
const MAX_LINES = 5_000

/**
 * Reads audit events as AWS CloudTrail records them, one JSON object a line. A line that is not an
 * event is left out and listed in `brokenLines`.
 *
 * @throws {Error} if the file cannot be read
 */
export async function readSample(file: string): Promise<Sample> {
  const entries: ImportedEntry[] = []
  const brokenLines: number[] = []
  let lineNumber = 0
  for await (const line of linesOf(file)) {
    if (lineNumber === MAX_LINES) return { entries, brokenLines, isCut: true }
    lineNumber += 1
    if (line.trim() === '') continue
    const entry = entryOf(parse(line))
    if (entry) entries.push(entry)
    else brokenLines.push(lineNumber)
  }
  return { entries, brokenLines, isCut: false }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const bytes = createReadStream(file)
  let failure: Error | null | undefined
  const text: Readable = file.endsWith('.gz')
    ? pipeline(bytes, createGunzip(), (error) => {
        failure = error
      })
    : bytes.on('error', (error) => {
        failure = error
      })
  yield* createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })
  // readline ends without an error when its input fails.
  if (failure) throw failure
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** The event as an entry. Undefined if it has no source, no name or no valid time. */
export function entryOf(event: unknown): ImportedEntry | undefined {
  const action = actionOf(textAt(event, 'eventSource'), textAt(event, 'eventName'))
  const occurredAt = textAt(event, 'eventTime')
  if (action === undefined || Number.isNaN(Date.parse(occurredAt ?? ''))) return undefined
  const actor = at(event, 'userIdentity')
  const failure = { code: textAt(event, 'errorCode'), message: textAt(event, 'errorMessage') }
  return {
    action,
    occurredAt,
    userId: textAt(actor, 'arn') ?? textAt(actor, 'invokedBy'),
    eventId: textAt(event, 'recipientAccountId'),
    requestId: textAt(event, 'requestID'),
    entityType: textAt(event, 'resources', '0', 'type'),
    targetId: textAt(event, 'resources', '0', 'ARN'),
    metadata: {
      ...objectAt(event, 'requestParameters'),
      ...(failure.code === undefined ? {} : { failure }),
    },
    context: {
      source: textAt(event, 'eventID'),
      actor,
      ip: textAt(event, 'sourceIPAddress'),
      userAgent: textAt(event, 'userAgent'),
      region: textAt(event, 'awsRegion'),
    },
  }
}

/** The action of an event: `s3.amazonaws.com` and `GetObject` become `s3.get_object`. */
function actionOf(source: string | undefined, name: string | undefined): string | undefined {
  const service = source?.split('.')[0]
  const verb = name
    ?.replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
  return service && verb ? `${service}.${verb}` : undefined
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  let found = value
  for (const key of keys) found = Reflect.get(Object(found), key)
  return found
}

function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys)
  return typeof found === 'string' && found !== '' ? found : undefined
}

function objectAt(value: unknown, key: string): object {
  const found = at(value, key)
  return typeof found === 'object' && found !== null ? found : {}
}
