import { readFileSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as apps from './systems-apps.ts'
import * as cloud from './systems-cloud.ts'

/** A record of another system's audit log, as it was read from its JSON. */
export interface AuditRecord {
  readonly system: string
  readonly record: Readonly<Record<string, unknown>>
}

const EACH = 7

/** Seven records in the shape of each of sixteen systems. The same ones each time. */
export function madeRecords(): readonly AuditRecord[] {
  return Object.entries({ ...cloud, ...apps }).flatMap(([system, make], at) =>
    Array.from({ length: EACH }, (_, n) => ({
      system,
      record: JSON.parse(JSON.stringify(make(at * 31 + n * 5 + 1))),
    })),
  )
}

/**
 * The records of a file, or of all files of a folder: an object a line, or one JSON document that is
 * a list or holds one under `Records` or `value`. Files that end with `.gz` are unpacked.
 */
export function readRecords(place: string): readonly AuditRecord[] {
  const files = statSync(place).isDirectory()
    ? readdirSync(place)
        .sort()
        .map((name) => path.join(place, name))
    : [place]
  return files
    .filter((file) => /\.(?:nd)?jsonl?(?:\.gz)?$/.test(file))
    .flatMap((file) => {
      const bytes = readFileSync(file)
      const text = String(file.endsWith('.gz') ? gunzipSync(bytes) : bytes)
      const system = path.basename(file).replace(/\..*$/, '')
      return recordsIn(text).flatMap((record) => (isObject(record) ? [{ system, record }] : []))
    })
}

function recordsIn(text: string): readonly unknown[] {
  const document = parsed(text)
  if (document === undefined) return text.split('\n').filter(Boolean).map(parsed)
  if (Array.isArray(document)) return document
  const { Records = undefined, value = undefined } = isObject(document) ? document : {}
  return [Records, value].find(Array.isArray) ?? [document]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
