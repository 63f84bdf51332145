import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { readArchiveOptions } from '../relay/archive/archive-options.ts'
import { openStore } from '../relay/archive/stores/open-store.ts'
import { readS3Settings } from '../relay/archive/stores/s3-settings.ts'
import { S3Store, type S3StoreOptions } from '../relay/archive/stores/s3-store.ts'
import { encodedPath, signed } from '../relay/archive/stores/sigv4.ts'
import { archiverOf, fillOctober, makeOctober, OCTOBER } from './support/archives.ts'
import { scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'
import { FakeS3, type FakeS3Options } from './support/fake-s3.ts'

const NAME = 'year=2025/month=10/a (1).ndjson.gz'
const YEAR_MS = 366 * 86_400_000

/** A store on a fake of S3, and a local file to store. */
async function scene(t: TestContext, fake: FakeS3Options = {}, more: Partial<S3StoreOptions> = {}) {
  const s3 = await FakeS3.start(t, fake)
  const settings = readS3Settings(s3.environment)
  const store = new S3Store(new URL('s3://audit/of/shop/'), {
    ...{ settings, keepMs: undefined, legalHold: false, retryMs: 2_000, ...more },
  })
  const file = { path: path.join(scratchFolder(t), 'file'), sha256: '', bytes: 0 }
  const write = (text: string) => {
    fs.writeFileSync(file.path, text)
    const sha256 = createHash('sha256').update(text).digest('hex')
    return Object.assign(file, { sha256, bytes: Buffer.byteLength(text) })
  }
  return { s3, store, write }
}

// The example "GET Object" of AWS's own documentation of Signature Version 4.
test('a request is signed as AWS documents it', () => {
  const key = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    ...{ sessionToken: undefined, region: 'us-east-1' },
  }
  const bodySha256 = createHash('sha256').digest('hex')
  const request = {
    ...{ method: 'GET', host: 'examplebucket.s3.amazonaws.com', path: '/test.txt', bodySha256 },
    headers: { range: 'bytes=0-9' },
  }
  const { authorization } = signed(request, key, new Date('2013-05-24T00:00:00Z'))
  assert.equal(
    authorization,
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  assert.equal(encodedPath("/a=b/ü ('x')*!~.gz"), '/a%3Db/%C3%BC%20%28%27x%27%29%2A%21~.gz')
})

test('a file is stored, found by its checksum, and brought back', async (t) => {
  for (const keepsChecksums of [true, false]) {
    const { s3, store, write } = await scene(t, { keepsChecksums })
    const file = write('archive '.repeat(50_000))
    assert.equal(await store.look(NAME), undefined)
    await store.put(NAME, file)
    const stored = await store.look(NAME)
    assert.deepEqual(
      { sha256: stored?.sha256, bytes: stored?.bytes },
      { sha256: file.sha256, bytes: file.bytes },
    )
    assert.deepEqual([...s3.objects.keys()], [`of/shop/${NAME}`])
    // Without a checksum the whole file is read back.
    assert.equal(s3.requests.filter((one) => one.startsWith('GET')).length, keepsChecksums ? 0 : 1)
    const back = path.join(path.dirname(file.path), 'back')
    assert.equal(await store.bring(NAME, back), true)
    assert.deepEqual(fs.readFileSync(back), fs.readFileSync(file.path))
    assert.equal(await store.bring('nothing', back), false)
    assert.equal(store.urlOf(NAME), `s3://audit/of/shop/${NAME}`)
  }
})

test('a file that is there is not replaced, also where S3 knows no conditions', async (t) => {
  const { s3, store, write } = await scene(t)
  await store.put(NAME, write('first'))
  await store.put(NAME, write('second'))
  assert.equal(s3.objects.get(`of/shop/${NAME}`)?.body.toString(), 'first')

  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 5)
  const old = await scene(t, { knowsConditions: false })
  const { archiver } = archiverOf(t, scratch, { store: old.store })
  await archiver.archive({ partition: OCTOBER })
  const puts = () => old.s3.requests.filter((one) => one.startsWith('PUT')).length
  assert.equal(puts(), 4, 'two files, each with the condition and then without it')
  const [name = ''] = old.s3.objects.keys()
  const object = old.s3.objects.get(name)
  assert.ok(object)
  old.s3.objects.set(name, { ...object, body: Buffer.from('other'), sha256: undefined })
  await assert.rejects(archiver.archive({ partition: OCTOBER }), {
    code: 'AUDIT_ARCHIVE_FAILED',
    message:
      /^s3:\/\/audit\/of\/shop\/year=2025\/month=10\/audit_log_2025_10-1-5-.* is not replaced/,
  })
  assert.equal(puts(), 4)
})

test('a lock and a legal hold are asked for, and nothing counts that has not got them', async (t) => {
  const { s3, store, write } = await scene(t, {}, { keepMs: YEAR_MS, legalHold: true })
  await store.put(NAME, write('locked'))
  const object = s3.objects.get(`of/shop/${NAME}`)
  assert.equal(object?.legalHold, true)
  const until = Date.parse(object?.lockedUntil ?? '')
  assert.ok(until > Date.now() + YEAR_MS - 60_000 && until < Date.now() + YEAR_MS + 60_000)
  assert.equal((await store.look(NAME))?.lockedUntil?.getTime(), until)

  const without = await scene(t, { hasObjectLock: false }, { keepMs: YEAR_MS })
  await assert.rejects(without.store.put(NAME, without.write('x')), {
    message: `PUT s3://audit/of/shop/${NAME} was answered with 400 InvalidRequest.`,
  })
  // What was stored earlier without a lock is not taken for locked.
  const before = await scene(t)
  await before.store.put(NAME, before.write('x'))
  const settings = readS3Settings(before.s3.environment)
  const asking = { settings, legalHold: false, keepMs: YEAR_MS }
  const locking = new S3Store(new URL('s3://audit/of/shop/'), asking)
  await assert.rejects(locking.look(NAME), /is stored without the lock that was asked for/)
  const holding = new S3Store(new URL('s3://audit/of/shop/'), {
    ...{ settings, keepMs: undefined, legalHold: true },
  })
  await assert.rejects(holding.look(NAME), /is stored without the legal hold/)
})

test('a store that is overloaded is asked again, and one that is away or refuses is named', async (t) => {
  const { s3, store, write } = await scene(t, {}, { retryMs: 600_000 })
  s3.failing.push(503, 500, 429)
  await store.put(NAME, write('at last'))
  assert.equal(s3.objects.size, 1)

  const wrongKey = new S3Store(new URL('s3://audit/of/shop/'), {
    settings: { ...readS3Settings(s3.environment), secretAccessKey: 'wrong' },
    ...{ keepMs: undefined, legalHold: false },
  })
  await assert.rejects(wrongKey.put('x', write('x')), {
    code: 'AUDIT_ARCHIVE_FAILED',
    message: 'PUT s3://audit/of/shop/x was answered with 403 SignatureDoesNotMatch.',
  })
  const otherBucket = new S3Store(new URL('s3://other/'), {
    ...{ settings: readS3Settings(s3.environment), keepMs: undefined, legalHold: false },
  })
  await assert.rejects(otherBucket.put('x', write('x')), /s3:\/\/other\/x .* 404 NoSuchBucket/)

  const settings = readS3Settings(s3.environment)
  const impatient = new S3Store(new URL('s3://audit/of/shop/'), {
    ...{ settings, keepMs: undefined, legalHold: false, retryMs: 0 },
  })
  s3.failing.push(503)
  await assert.rejects(impatient.look(NAME), /^AuditError: HEAD s3:.* was answered with 503\.$/)
  s3.stop()
  await assert.rejects(
    impatient.look(NAME),
    /^AuditError: s3:.* cannot be reached: ECONNREFUSED\.$/,
  )
})

test('a damaged body is refused by its hash, and a partition is archived into a bucket', async (t) => {
  const { s3, store, write } = await scene(t)
  const file = write('what was hashed')
  fs.writeFileSync(file.path, 'what was hashex')
  await assert.rejects(store.put(NAME, file), /400 BadDigest|403 XAmzContentSHA256Mismatch/)

  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 25)
  const { archiver } = archiverOf(t, scratch, { store, maxFileRows: 10 })
  const { files, rows } = await archiver.archive({ partition: OCTOBER })
  assert.equal(rows, 25)
  assert.deepEqual(
    files.map(({ url }) => url.replace(/-[0-9a-f]{12}\./, '.')),
    ['1-10', '11-20', '21-25'].map(
      (span) => `s3://audit/of/shop/year=2025/month=10/${OCTOBER}-${span}.ndjson.gz`,
    ),
  )
  assert.equal(s3.objects.size, 6)

  // One byte of what lies there is another one.
  s3.objects.clear()
  const [row] = await scratch.sql`
    update audit.audit_archive set stored_at = null, url = null returning number`
  assert.ok(row)
  const setting = s3.objects.set.bind(s3.objects)
  s3.objects.set = (key, object) => {
    const body = Buffer.from(object.body)
    body[50] = (body[50] ?? 0) ^ 1
    const sha256 = createHash('sha256').update(body).digest('base64')
    return setting(key, { ...object, body, sha256 })
  }
  await assert.rejects(archiver.archive({ partition: OCTOBER }), /is not what was stored/)
  const noted = await scratch.sql`select from audit.audit_archive where stored_at is not null`
  assert.equal(noted.length, 0)
})

test('what is set wrong is named with its value, and a login in a URL is not shown', () => {
  const read = (environment: Record<string, string>) => readArchiveOptions(environment)
  assert.equal(read({}), undefined)
  assert.equal(read({ AUDIT_ARCHIVE: 'off', AUDIT_ARCHIVE_URL: 's3://b/p' }), undefined)
  assert.equal(read({ AUDIT_ARCHIVE_URL: 's3://b/p' })?.format, 'ndjson')
  assert.equal(
    read({ AUDIT_ARCHIVE_URL: 's3://b', AUDIT_ARCHIVE_KEEP: '7 years' })?.keepMs,
    7 * YEAR_MS,
  )
  const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ AUDIT_ARCHIVE: 'ndjson' }, /AUDIT_ARCHIVE_URL must say where to/],
    [
      { AUDIT_ARCHIVE: 'csv', AUDIT_ARCHIVE_URL: 's3://b' },
      /one of off, ndjson, parquet, got "csv"/,
    ],
    [{ AUDIT_ARCHIVE_URL: '/var/x' }, /no URL/],
    [{ AUDIT_ARCHIVE_URL: 'file://host/x' }, /got "file:\/\/host\/x"/],
    [{ AUDIT_ARCHIVE_URL: 'https://b/x' }, /got "https:/],
    [{ AUDIT_ARCHIVE_URL: 's3://b/p?x=1' }, /got "s3:/],
    [{ AUDIT_ARCHIVE_URL: 's3://b', AUDIT_ARCHIVE_KEEP: '0 days' }, /1 day to 100 years/],
    [{ AUDIT_ARCHIVE_URL: 's3://b', AUDIT_ARCHIVE_KEEP: '101 years' }, /1 day to 100 years/],
    [{ AUDIT_ARCHIVE_URL: 's3://b', AUDIT_ARCHIVE_LEGAL_HOLD: 'yes' }, /on or off, got "yes"/],
    [{ AUDIT_ARCHIVE_URL: 'file:///x', AUDIT_ARCHIVE_KEEP: '1 day' }, /need s3:\/\//],
  ]
  for (const [environment, message] of wrong) {
    assert.throws(() => read(environment), { code: 'AUDIT_OPTION_INVALID', message })
  }
  assert.throws(
    () => read({ AUDIT_ARCHIVE_URL: 's3://canary:canary@b' }),
    ({ message }: Error) => /without a login/.test(message) && !message.includes('canary'),
  )
  const url = new URL('s3://b')
  const open = (environment: Record<string, string>) =>
    openStore({ url, keepMs: undefined, legalHold: false }, environment)
  assert.throws(() => open({}), /needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/)
  assert.throws(
    () => open({ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_ENDPOINT_URL: 'minio:9' }),
    /AWS_ENDPOINT_URL must be a URL/,
  )
})
