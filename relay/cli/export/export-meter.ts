import type { ExportManifest, ExportProgress, ManifestAbout } from '../../../src/export/index.ts'

const TERMINAL_EVERY_MS = 500
const LOG_EVERY_MS = 10_000

/** How far an export is, on standard error: one line that changes, or one every 10 s in a log. */
export class ExportMeter {
  readonly #stream: NodeJS.WriteStream
  readonly #isQuiet: boolean
  readonly #startMs = performance.now()
  #shownMs = performance.now()
  #first: ExportProgress | undefined
  #isLineOpen = false

  constructor(stream: NodeJS.WriteStream, { isQuiet }: { readonly isQuiet: boolean }) {
    this.#stream = stream
    this.#isQuiet = isQuiet
  }

  progress = (now: ExportProgress): void => {
    // A resumed export begins with what was there: speed and time left come from what is added.
    this.#first ??= now
    const every = this.#stream.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS
    if (this.#isQuiet || performance.now() - this.#shownMs < every) return
    this.#shownMs = performance.now()
    const seconds = (performance.now() - this.#startMs) / 1_000
    const perSecond = Math.round((now.rows - this.#first.rows) / seconds)
    const shareAdded = now.share - this.#first.share
    const left = shareAdded > 0 ? time(((1 - now.share) / shareAdded) * seconds) : 'unknown'
    this.#say(
      `${Math.floor(now.share * 100)} %  ${now.rows} rows  ${size(now.bytes)}  ` +
        `${perSecond} rows/s  ${left} left`,
    )
  }

  note(text: string): void {
    if (!this.#isQuiet) this.#say(text)
  }

  done(manifest: ExportManifest): void {
    const { rows, bytes, firstSeq, lastSeq, gapCount, missingSeqs, removedCount, sha256, about } =
      manifest
    const { proof, throughSeq } = manifest
    this.end()
    if (this.#isQuiet) return
    const seconds = (performance.now() - this.#startMs) / 1_000
    const range = rows === 0 ? '' : `, seq ${firstSeq} to ${lastSeq}`
    const missing = missingSeqs?.reduce((sum, [first, last]) => sum + last - first + 1, 0) ?? 0
    const lines = [
      `${rows} rows${range}, ${size(bytes)} in ${time(seconds)} ` +
        `(${Math.round(rows / Math.max(seconds, 0.001))} rows/s)`,
      `sha256 ${sha256}`,
      ...(about ? aboutLines(about) : []),
      ...(proof ? [`proved through seq ${throughSeq} by ${proof.hashes} hashes`] : []),
      ...(gapCount > 0 ? [`${gapCount} declared losses in this range: see the manifest`] : []),
      ...(removedCount > 0
        ? [`${removedCount} numbers were removed by policy: see the manifest`]
        : []),
      ...(missing > 0 ? [`${missing} numbers are not in the log: see the manifest`] : []),
    ]
    this.#stream.write(`${lines.join('\n')}\n`)
  }

  /** Ends the line that changes. */
  end(): void {
    if (this.#isLineOpen) this.#stream.write('\n')
    this.#isLineOpen = false
  }

  #say(text: string): void {
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`)
      return
    }
    this.#stream.write(`\r\x1b[K${text}`)
    this.#isLineOpen = true
  }
}

function aboutLines({ found, letters }: ManifestAbout): readonly string[] {
  const places = Object.entries(found).flatMap(([place, entries]) =>
    entries > 0 ? [`${place} ${entries}`] : [],
  )
  return [
    places.length > 0 ? `the user is named in: ${places.join(', ')}` : 'no entry names the user',
    letters
      ? `${letters.count} dead letters name the user: ${letters.file}`
      : 'dead letters were not looked through',
  ]
}

function size(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

function time(seconds: number): string {
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
