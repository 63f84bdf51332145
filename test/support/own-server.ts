import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type Postgres, startPostgres } from './postgres.ts'
import { chosenMajor } from './postgres-home.ts'
import { whenWeEnd } from './when-we-end.ts'

/**
 * A server of a test file's own with nothing on it, not even our roles, which belong to a whole
 * server. Of the version under test, where we have it from npm.
 */
export async function ownServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<{ server: Postgres; remove(): Promise<void> }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-own-'))
  const callOff = whenWeEnd('rm -rf "$0" || { sleep 3; rm -rf "$0"; }', folder)
  fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
  const server = await startPostgres({
    dataDir: path.join(folder, 'data'),
    major: chosenMajor(),
    settings: { fsync: 'off', full_page_writes: 'off', ...settings },
  })
  const remove = async () => {
    await server.stop('immediate')
    fs.rmSync(folder, { recursive: true, force: true })
    callOff()
  }
  return { server, remove }
}
