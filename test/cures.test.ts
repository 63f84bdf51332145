import assert from 'node:assert/strict'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { execute } from '../relay/cli/program.ts'
import { explainFailure } from '../relay/cli/failure.ts'
import { AuditError } from '../src/errors.ts'
import { fromPostgres } from '../src/lanes/from-libraries.ts'
import { createRecorder } from '../src/recorder/create-recorder.ts'
import { auditRelay } from './support/commands.ts'
import { emptyDatabase, scratchDatabase } from './support/database.ts'
import { memoryLogger } from './support/lanes.ts'
import { connect } from './support/logins.ts'
import { ownServer } from './support/own-server.ts'
import { smallDisk } from './support/small-disk.ts'
import { waitFor } from './support/wait-for.ts'

// Goal: each error says what to do, once, and never something else.
// Method: each command with each kind of login, URL, file and folder that is wrong; the last line of
// what it prints is the cure.

interface Failed {
  readonly exitCode: number
  readonly lines: readonly string[]
  readonly seconds: number
}

/** What the process would print. The option `--quiet` keeps progress out of it. */
async function failed(args: readonly string[], url = 'postgres://127.0.0.1:1/x'): Promise<Failed> {
  const startedMs = performance.now()
  try {
    await execute(args, { DATABASE_URL: url, AUDIT_LOG_LEVEL: 'silent' })
  } catch (error) {
    const failure = await explainFailure(error, args)
    assert.ok(failure, String(error))
    const lines = failure.text.replace('audit-relay: ', '').trimEnd().split('\n')
    const seconds = (performance.now() - startedMs) / 1_000
    return { exitCode: failure.exitCode, lines, seconds }
  }
  assert.fail(`${args.join(' ')} was accepted`)
}

const READERS = [['export', '--quiet', '--out', '-']]
const RELAYS = [['status'], ['--once'], ['dead-letters', 'list'], ['dead-letters', 'retry', '1']]
const OWNERS = [['restored'], ['migrate']]

const edited = (url: string, edit: Partial<URL>) => Object.assign(new URL(url), edit).href

test('a login that lacks a role is told which one, by every command', async (t) => {
  const scratch = await scratchDatabase(t)
  for (const [commands, role, others] of [
    [READERS, 'audit_reader', ['audit_app', 'audit_relay']],
    [RELAYS, 'audit_relay', ['audit_app', 'audit_reader']],
    [OWNERS, 'audit_owner', ['audit_app']],
  ] as const) {
    for (const other of others) {
      const login = `audit_test_${other.slice('audit_'.length)}`
      for (const args of commands) {
        const { exitCode, lines } = await failed(args, scratch.urlAs(other))
        const said = lines.join(' ')
        assert.equal(exitCode, 1, said)
        assert.ok(
          said.endsWith(`The login ${login} lacks the role ${role}: grant ${role} to ${login}.`),
          said,
        )
        assert.equal(said.match(/[Gg]rant /g)?.length, 1, said)
        assert.match(said, /\(42501\)/)
      }
    }
  }
})

test('a recorder that lacks audit_app is told so, in its log', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const audit = createRecorder({ databaseUrl: scratch.urlAs('audit_reader'), logger })
  t.after(() => audit.close({ timeoutMs: 0 }))
  audit.record({ action: 'order.paid' })
  const hint =
    'The login audit_test_reader lacks the role audit_app: grant audit_app to audit_test_reader.'
  await waitFor(() => JSON.stringify(logger.lines).includes(hint), { what: 'the hint' })
})

test('recordIn without audit_app names the role, in either mode', async (t) => {
  const scratch = await scratchDatabase(t)
  const logger = memoryLogger()
  const audit = createRecorder({ databaseUrl: scratch.urlAs('audit_app'), logger })
  t.after(() => audit.close({ timeoutMs: 0 }))
  const stranger = connect(t, scratch.urlAs('audit_reader'))
  const entry = { action: 'order.paid' } as const
  await stranger.begin(async (tx) => {
    const taken = await audit.recordIn(fromPostgres(tx), entry, { mode: 'best-effort' })
    assert.equal(taken, 0)
    await tx`select 1` // the transaction goes on
  })
  const said = JSON.stringify(logger.lines)
  assert.match(
    said,
    /recordIn may not call audit\.record\. The login audit_test_reader lacks the role/,
  )
  assert.ok(said.includes('grant audit_app to audit_test_reader.'), said)
  let refused: unknown
  const transaction = stranger.begin(async (tx) => {
    refused = await audit.recordIn(fromPostgres(tx), entry).catch((error: unknown) => error)
  })
  await assert.rejects(transaction, { code: '42501' })
  assert.ok(refused instanceof AuditError)
  assert.match(refused.hint ?? '', /^The login lacks the role audit_app\. Grant it, under the name/)
})

test('a role that is not inherited, is missing or lacks its rights has a cure of its own', async (t) => {
  const { server, remove } = await ownServer()
  t.after(remove)
  const sql = connect(t, server.url)
  await sql`create role shop_relay login password 'secret' noinherit`
  const url = edited(server.url, { username: 'shop_relay', password: 'secret' })
  await execute(['migrate'], { DATABASE_URL: server.url })
  const cure = async () => (await failed(['status'], url)).lines.at(-1)
  await sql`grant audit_relay to shop_relay`
  const [row] = await sql`select current_setting('server_version_num')::integer / 10000 as major`
  const grant =
    Number(row?.['major']) >= 16
      ? 'grant audit_relay to shop_relay with inherit true'
      : 'alter role shop_relay inherit'
  assert.match((await cure()) ?? '', new RegExp(`does not inherit its rights: ${grant}\\.$`))
  await sql.unsafe(grant)
  await execute(['status'], { DATABASE_URL: url })
  await sql`revoke usage on schema audit from audit_relay`
  assert.match(
    (await cure()) ?? '',
    /has the role audit_relay, which lacks a right, .* Run "audit-relay migrate"\.$/,
  )
  await sql`alter role audit_relay rename to gone`
  assert.match(
    (await cure()) ?? '',
    /^The role audit_relay is missing, .* Run "audit-relay migrate"\.$/,
  )
})

// Goal: nobody waits for a minute to be told that the password is wrong.
test('a pass ends at once where waiting cannot help, and not where it can', async (t) => {
  const { url } = await scratchDatabase(t)
  for (const [wrong, code, cure] of [
    [edited(url, { password: 'x' }), '28P01', /^The password was refused, or the login is unknown/],
    [
      edited(url, { pathname: '/not_there' }),
      '3D000',
      /^The database does not exist\. Check the name/,
    ],
    [
      `${url}?sslmode=require`,
      'TLS_NOT_OFFERED',
      /demands TLS \(sslmode=require\), and the server/,
    ],
    [`${url}?sslmode=verify-full`, 'TLS_NOT_OFFERED', /demands TLS \(sslmode=verify-full\)/],
  ] as const) {
    const { exitCode, lines, seconds } = await failed(['--once'], wrong)
    assert.equal(exitCode, 1)
    assert.deepEqual([lines.length, lines[0]], [2, `The database failed (${code}).`])
    assert.match(lines[1] ?? '', cure)
    assert.ok(seconds < 30, `${seconds} s`)
  }
  const { lines, seconds } = await failed(
    ['--once', '--deadline', '1s'],
    'postgres://127.0.0.1:1/x',
  )
  assert.ok(seconds >= 1, 'a server that is down may come back')
  assert.match(lines[1] ?? '', /^Nothing listens there\./)
})

test('each command says of each wrong URL what is wrong with it', async (t) => {
  const { url } = await emptyDatabase(t)
  const stranger = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  t.after(() => stranger.close())
  const { port } = stranger.address() as net.AddressInfo
  const migrated = await scratchDatabase(t)
  for (const [wrong, cure] of [
    [edited(url, { password: 'x' }), /The password was refused, or the login is unknown\./],
    [edited(url, { pathname: '/not_there' }), /The database does not exist\./],
    [url, /is missing\. Run "audit-relay migrate"\./],
    [edited(url, { port: '1' }), /Nothing listens there\./],
    [edited(url, { hostname: 'no.such.host.invalid' }), /The host name (is unknown|could not be)/],
    [`${migrated.url}?sslmode=require`, /demands TLS .*and the server offers none\./],
    [`postgres://127.0.0.1:${port}/x`, /The other side hung up\./],
  ] as const) {
    for (const args of [['status'], ['restored'], ...READERS]) {
      const { exitCode, lines } = await failed(args, wrong)
      assert.equal(exitCode, 1)
      assert.equal(lines.length, 2, lines.join('\n'))
      assert.match(lines[1] ?? '', cure)
    }
  }
})

test('a URL that no driver can read is a wrong setting, and is not printed', async () => {
  for (const url of [
    'postgres://ada:can@ary@ho st/x',
    'postgres://ada:canary#1@host/x',
    'postgres://ada:canary@host:port/x',
    'postgres://ada:canary@host:99999/x',
    'postgres://ada:canary%zz@host/x',
  ]) {
    for (const args of [['status'], ['migrate'], ['migrate', '--roles-sql'], ...READERS]) {
      const { exitCode, lines } = await failed(args, url)
      assert.equal(exitCode, 2, url)
      assert.match(lines[0] ?? '', /^DATABASE_URL is no URL such as postgres:.*% is %25\.$/, url)
      assert.doesNotMatch(lines.join(), /canary/)
    }
  }
  const several = 'postgres://ada:x@127.0.0.1:1,127.0.0.1:2/x'
  const { code, stdout } = await auditRelay(['migrate', '--roles-sql'], { url: several })
  assert.equal(code, 0)
  assert.match(stdout, /grant audit_owner to "ada"/)
})

/** A folder with a file, and a name for a new one. */
function folderOf(t: TestContext) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-cures-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  fs.writeFileSync(path.join(folder, 'there'), 'x')
  return { folder, there: path.join(folder, 'there'), out: path.join(folder, 'log.ndjson') }
}

const scratchUrl = async (t: TestContext) => (await scratchDatabase(t)).urlAs('audit_reader')

const exporting = (out: string, ...more: string[]) => ['export', '--quiet', '--out', out, ...more]

test('an export that cannot be written says which file or folder, and why', async (t) => {
  const url = await scratchUrl(t)
  const { folder, there, out } = folderOf(t)
  const parent = path.dirname(out)
  for (const [args, code, says] of [
    [
      exporting(path.join(folder, 'none/x')),
      1,
      `the folder ${folder}/none does not exist (ENOENT).`,
    ],
    [
      exporting(path.join(there, 'x')),
      1,
      `${there}/x cannot be reached, because a part of its path`,
    ],
    [exporting(folder), 2, `${folder} is a folder: name a file in it.`],
    [exporting(folder, '--force'), 2, `${folder} is a folder: name a file in it.`],
    [
      exporting(path.join(folder, 'x'.repeat(300))),
      1,
      'longer name than the file system allows (ENAME',
    ],
    [exporting(there), 2, `${there} is there already: choose another name, or give --force.`],
    [exporting(out, '--resume'), 2, `There is no ${out}.part that could be resumed.`],
  ] as const) {
    const { exitCode, lines } = await failed(args, url)
    assert.equal(exitCode, code, lines.join('\n'))
    assert.ok(lines[0]?.includes(says), lines.join('\n'))
    assert.doesNotMatch(lines.join('\n'), /Continue with|Go on with/)
    assert.equal(lines.length, code === 2 ? 2 : 1, 'the words, and where the help is')
  }
  assert.deepEqual(fs.readdirSync(parent), ['there'], 'nothing was begun')
})

test('a folder of the system is closed to an export', {
  skip: process.platform !== 'linux' && 'there is no /sys',
}, async (t) => {
  const { lines } = await failed(exporting('/sys/log.ndjson'), await scratchUrl(t))
  assert.match(
    lines[0] ?? '',
    /^The export cannot be written: the folder \/sys is .* \(E(ACCES|PERM|ROFS)\)\.$/,
  )
})

test('an export names --resume only where there is something to resume', async (t) => {
  const { folder, out } = folderOf(t)
  const noGrant = await failed(exporting(out), edited(await scratchUrl(t), { password: 'x' }))
  assert.doesNotMatch(noGrant.lines.join(), /resume/)
  assert.deepEqual(fs.readdirSync(folder), ['there'])
  fs.writeFileSync(`${out}.part`, '')
  const url = await scratchUrl(t)
  const begun = await failed(exporting(out), url)
  assert.match(
    begun.lines[0] ?? '',
    /is an unfinished export: give --resume to continue it, or --force/,
  )
  fs.rmSync(`${out}.part`)

  // Enough for more than a page, on a connection that is cut in the middle.
  const scratch = await scratchDatabase(t)
  await scratch.sql`
    insert into audit.audit_log (id, seq, occurred_at, action, metadata)
    select audit.new_id(), n, now(), 'a.b', jsonb_build_object('text', repeat('x', 1000))
    from generate_series(1, 20000) as n`
  await scratch.sql`update audit.audit_head set seq = 20000`
  const exported = auditRelay(exporting(out), { url: scratch.urlAs('audit_reader') })
  await waitFor(() => fs.existsSync(`${out}.part`) && fs.statSync(`${out}.part`).size > 0, {
    what: 'the first page',
  })
  await scratch.sql`revoke select on audit.audit_log from audit_reader`
  const { code, stderr } = await exported
  assert.equal(code, 1, stderr)
  assert.match(
    stderr,
    /\(42501\)\. Continue with: audit-relay export --out \S+ --resume\n.*which lacks a right/,
  )
})

test('a disk that is full is named in words', async (t) => {
  const { server, remove } = await ownServer()
  t.after(remove)
  const disk = smallDisk(t, server.dataDir, 4)
  if (disk === undefined) return
  disk.fill()
  const out = path.join(disk.folder, 'log.ndjson')
  const { exitCode, lines } = await failed(exporting(out), await scratchUrl(t))
  disk.free()
  assert.equal(exitCode, 1)
  assert.match(
    lines[0] ?? '',
    /^The export cannot be written: .* is on a disk that is full \(ENOSPC\)\./,
  )
})

test('verify-export says which of its two files it lacks', async (t) => {
  const { folder, there, out } = folderOf(t)
  const manifest = `${there}.manifest.json`
  for (const [args, says] of [
    [['verify-export', out], `${out} does not exist (ENOENT).`],
    [['verify-export', folder], `${folder} is a folder (EISDIR).`],
    [
      ['verify-export', there],
      `The manifest ${manifest} does not exist (ENOENT). It is written with`,
    ],
    [
      ['verify-export', there, '--manifest', folder],
      `The manifest ${folder} is a folder (EISDIR).`,
    ],
    [['verify-export', there, '--manifest', there], `${there} is not the manifest of an export.`],
  ] as const) {
    const { exitCode, lines } = await failed(args)
    assert.equal(exitCode, 2)
    assert.ok(lines[0]?.startsWith(says), lines.join('\n'))
  }
})

test('recover says what is wrong with its folder', async (t) => {
  const { there, out } = folderOf(t)
  for (const [folder, says] of [
    [out, `The folder "${out}" does not exist (ENOENT).`],
    [there, `"${there}" is a file and no folder.`],
    [path.join(there, 'x'), `The folder "${there}/x" cannot be reached, because`],
  ] as const) {
    const { exitCode, lines } = await failed(['recover', folder])
    assert.equal(exitCode, 2)
    assert.ok(lines[0]?.startsWith(says), lines.join('\n'))
  }
})

test('the help of a group of commands is its own', async () => {
  const { code, stdout } = await auditRelay(['dead-letters', '--help'])
  assert.equal(code, 0)
  assert.match(stdout, /^Usage: audit-relay dead-letters/)
  for (const name of ['list', 'show', 'retry', 'drop']) {
    assert.match(stdout, new RegExp(`^ {2}${name}\\b`, 'm'))
  }
  assert.doesNotMatch(stdout, /verify-export/)
})
