import type { CapturedEntry } from '../capture/captured-entry.ts'
import { mendJson } from './storable-text.ts'

/**
 * Notes about an entry that are stored in its context, next to its details. Each list is made when
 * it is first needed.
 */
export class EntryNotes {
  /** How the stored entry differs from the given one. */
  marks: string[] | undefined
  /** The paths of the redacted values. */
  redacted: string[] | undefined
  /** Text that was given for an id or a time and is none, as JSON, by the name of the field. */
  invalid: Record<string, string> | undefined

  constructor(captured: CapturedEntry | undefined) {
    const { context, extras } = captured ?? {}
    if (context?.marks || extras?.marks) {
      this.marks = [...new Set([...(context?.marks ?? []), ...(extras?.marks ?? [])])]
    }
    if (context?.redacted || extras?.redacted) {
      this.redacted = [...new Set([...(context?.redacted ?? []), ...(extras?.redacted ?? [])])]
    }
  }

  /** Whether there are any notes. */
  get hasAny(): boolean {
    return !!(this.marks || this.redacted || this.invalid)
  }

  mark(mark: string): void {
    if (this.marks === undefined) this.marks = [mark]
    else if (!this.marks.includes(mark)) this.marks.push(mark)
  }

  noteRedacted(path: string): void {
    if (this.redacted === undefined) this.redacted = [path]
    else if (!this.redacted.includes(path)) this.redacted.push(path)
  }

  /** Keeps what was given for a field and is not stored in its column. */
  keep(name: string, json: string): void {
    this.invalid ??= {}
    this.invalid[name] = json
  }

  /** As members of a JSON object, without its brackets. */
  get json(): string {
    const { marks, redacted, invalid } = this
    const members: string[] = []
    if (marks !== undefined) members.push(`"degraded":${list(marks)}`)
    if (redacted !== undefined) members.push(`"redacted":${list(redacted)}`)
    if (invalid !== undefined) {
      const pairs = Object.keys(invalid).map((name) => `"${name}":${invalid[name]}`)
      members.push(`"invalid":{${pairs.join(',')}}`)
    }
    return members.join(',')
  }
}

// Each text is stringified by itself, because a toJSON on Array.prototype has no effect on a
// string.
function list(texts: readonly string[]): string {
  return `[${texts.map((text) => mendJson(JSON.stringify(text))).join(',')}]`
}
