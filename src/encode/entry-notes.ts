import type { CapturedEntry } from '../capture/captured-entry.ts'
import { mendJson } from './storable-text.ts'

/** What an entry's context says about the entry, beside its details. Made when first needed. */
export class EntryNotes {
  /** In what the stored entry differs from the given one. */
  marks: string[] | undefined
  /** The paths of what was redacted. */
  redacted: string[] | undefined
  /** Text that is no UUID, as JSON, by the field that it was given in. */
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

  /** Whether there is anything to say. */
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

// Each text by itself: somebody's toJSON on Array.prototype is not asked about a string.
function list(texts: readonly string[]): string {
  return `[${texts.map((text) => mendJson(JSON.stringify(text))).join(',')}]`
}
