import { altered } from '../../seal/not-proved.ts'

const LINE_FEED = 10
/** An entry has at most 2 MiB of metadata and as much of context. */
const MAX_LINE_BYTES = 16 * 1024 * 1024

/**
 * The lines of a stream, those of each piece of it together, without their line feeds.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where a line is longer than any entry, or the last one is
 * cut off
 */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<readonly Buffer[], void, undefined> {
  let pieces: Buffer[] = []
  let held = 0
  for await (const chunk of chunks) {
    const lines: Buffer[] = []
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      lines.push(Buffer.concat([...pieces, chunk.subarray(from, end)]))
      pieces = []
      held = 0
      from = end + 1
    }
    pieces.push(chunk.subarray(from))
    held += chunk.length - from
    if (held > MAX_LINE_BYTES) throw altered('A line is longer than an entry can be.')
    if (lines.length > 0) yield lines
  }
  if (held > 0) throw altered('The last line is cut off.')
}
