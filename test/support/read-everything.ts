import { PassThrough } from 'node:stream'
import { Database } from '../../src/database/connection.ts'
import { exportToStream } from '../../src/export/index.ts'
import { tail } from '../../src/read/tail.ts'
import { timeline } from '../../src/read/timeline.ts'

// Reads a whole log by timeline, tail and export, and prints how many entries each found and by how
// much the memory of this process grew, as JSON. Its argument is the URL.

const [, , url = ''] = process.argv
const mostMemoryMb = () => process.resourceUsage().maxRSS / 1_024
const startMb = mostMemoryMb()
const options = { applicationName: 'read everything', statementTimeoutMs: 60_000, isReader: true }
const db = new Database({ url, ...options })

let paged = 0
let cursor: string | undefined
do {
  const page = await timeline(db, { limit: 500, cursor })
  paged += page.entries.length
  cursor = page.nextCursor ?? undefined
} while (cursor !== undefined)
const signal = AbortSignal.timeout(120_000)
let tailed = 0
for await (const { seq } of tail(db, { fromSeq: 1, signal })) {
  tailed += 1
  if (seq === paged) break
}
const { rows } = await exportToStream(db, new PassThrough().resume())
await db.close()
const grownMb = Math.round(mostMemoryMb() - startMb)
process.stdout.write(JSON.stringify({ entries: [paged, tailed, rows], grownMb }))
