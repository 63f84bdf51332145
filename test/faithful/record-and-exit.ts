import fs from 'node:fs'
import { type AuditEntry, createRecorder } from '../../src/index.ts'

// Records the entries of a file and ends at once. Its arguments: the file, the URL of the recorder,
// and the folder for what is not staged.

const [file = '', databaseUrl = '', journalDir = ''] = process.argv.slice(2)
const recorder = createRecorder({ databaseUrl, journalDir })
for (const entry of JSON.parse(fs.readFileSync(file, 'utf8')) as AuditEntry[]) {
  recorder.record(entry)
}
process.exit()
