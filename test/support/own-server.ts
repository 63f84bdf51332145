import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Postgres, startPostgres } from './postgres.ts'
import { chosenMajor, type PostgresMajor } from './postgres-home.ts'
import { whenWeEnd } from './when-we-end.ts'

/**
 * Starts an empty server for one test file, by default of the version under test. It does not even
 * have the schema's roles, because roles belong to a whole server.
 *
 * @param from the data directory of a stopped server, of which it starts a copy. Default: empty
 */
export async function ownServer(
  settings: Readonly<Record<string, string>> = {},
  { major = chosenMajor(), from }: { readonly major?: PostgresMajor; readonly from?: string } = {},
): Promise<{ server: Postgres; remove(): Promise<void> }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-own-'))
  const callOff = whenWeEnd('rm -rf "$0" || { sleep 3; rm -rf "$0"; }', folder)
  fs.chmodSync(folder, 0o711) // as root, the server runs as another user, who must enter the folder
  const dataDir = path.join(folder, 'data')
  if (from !== undefined) execFileSync('cp', ['-a', from, dataDir])
  if (settings['primary_conninfo']) fs.writeFileSync(path.join(dataDir, 'standby.signal'), '')
  const server = await startPostgres({
    dataDir,
    major,
    settings: { fsync: 'off', full_page_writes: 'off', ...settings },
  })
  const remove = async () => {
    await server.stop('immediate')
    fs.rmSync(folder, { recursive: true, force: true })
    callOff()
  }
  return { server, remove }
}
