import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { expressAudit } from 'audit-outbox/express'
import { fastifyAudit } from 'audit-outbox/fastify'
import { honoAudit } from 'audit-outbox/hono'
import {
  assertCovered,
  coverageText,
  createMemoryRecorder,
  type Exemptions,
  readCoverage,
  startCoverage,
  watchRoutes,
} from 'audit-outbox/testing'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { routeSourceOf } from '../src/testing/coverage/app-routes.ts'
import { declaredRoute } from '../src/testing/coverage/route-pattern.ts'
import { makeSiteTables } from './demo/site-tables.ts'
import { ROOT } from './support/commands.ts'
import { emptyDatabase } from './support/database.ts'

const SITE = 'test/support/covered'

/** Runs the demo site's tests, two files in two processes, under `audit-relay coverage`. */
function coverageOfSite(options: readonly string[], environment: Record<string, string> = {}) {
  const files = [`${SITE}/guests.ts`, `${SITE}/money.ts`]
  const command = [process.execPath, '--import', 'tsx', '--test', ...files]
  const args = ['--import', 'tsx', 'relay/main.ts', 'coverage', ...options, '--', ...command]
  // The runner of this test would make that of the site report to it.
  const { NODE_TEST_CONTEXT: _, ...outer } = process.env
  const env = { ...outer, ...environment }
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr })
    })
  })
}

function fileWith(t: TestContext, content: unknown): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-exempt-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'exempt.json')
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

// Goal: a route that somebody adds without an entry fails by its name, in any of several processes.
// Method: the demo's site with its tests in two files, and with one more route of each kind.
test('on the demo, a new POST route without an entry fails by its name', async (t) => {
  const { url } = await emptyDatabase(t)
  await makeSiteTables(url, undefined)
  const routes = { DATABASE_URL: url, FORGOTTEN_ROUTE: '1' }
  const red = await coverageOfSite([], { ...routes, RECORDING_READ: '1' })
  assert.equal(red.code, 1)
  assert.deepEqual(red.stderr.trimEnd().split('\n').slice(-5), [
    '✗ Audit coverage: 9 routes that change something, 1 without an entry',
    '  Nothing was recorded in:',
    '    POST /events/:eventId/tables',
    '  These only read, and something was recorded in:',
    '    GET /events/:eventId/guests',
  ])

  const reason = 'the tables are kept by another service'
  const exempt = fileWith(t, { 'POST /events/:eventId/tables': reason })
  const green = await coverageOfSite(['--exempt', exempt, '--json'], routes)
  assert.equal(green.code, 0, green.stderr)
  const { isComplete, missing, changing } = JSON.parse(green.stdout)
  assert.deepEqual([isComplete, missing, changing.length], [true, [], 9])
})

test('the command says what is wrong with it, and gives the exit code of the tests', async (t) => {
  const run = (...args: readonly string[]) =>
    new Promise<{ code: number; stderr: string }>((resolve) => {
      const all = ['--import', 'tsx', 'relay/main.ts', 'coverage', ...args]
      execFile(process.execPath, all, { cwd: ROOT }, (error, _, stderr) =>
        resolve({ code: Number(error?.code ?? 0), stderr }),
      )
    })
  const none = await run('--', process.execPath, '-e', '')
  assert.equal(none.code, 1)
  assert.match(none.stderr, /no route was seen\. Call watchRoutes\(app\)/)
  assert.equal((await run('--', process.execPath, '-e', 'process.exit(7)')).code, 7)
  const reasonless = await run('--exempt', fileWith(t, { 'POST /x': ' ' }), '--', 'no-such-program')
  assert.equal(reasonless.code, 2)
  assert.match(reasonless.stderr, /needs a written reason.* missing for "POST \/x"/s)
  assert.match((await run('--', 'no-such-program')).stderr, /tests cannot be run: .*ENOENT/)
  assert.match((await run('--exempt', '/nowhere.json', '--', 'x')).stderr, /read \(ENOENT\)/)
  assert.match((await run('--exempt', fileWith(t, '[]'), '--', 'x')).stderr, /must hold an object/)
  assert.match((await run('--exempt', fileWith(t, '{'), '--', 'x')).stderr, /is not JSON/)
  assert.match((await run()).stderr, /"coverage" needs an operand: coverage <command\.\.\.>/)
})

const noop = () => {}

test('each framework tells its routes, also those of mounted routers', async () => {
  const recorder = createMemoryRecorder()
  const deep = express.Router({ mergeParams: true }).put('/:part', noop).get('/', noop)
  const inner = express.Router().use('/branding', deep).post('/', noop)
  const app = express()
  app.use(expressAudit({ recorder }))
  app.use('/api/events/:eventId', inner)
  app.use(express.Router().delete('/sessions', noop))
  app.use(['/one', '/two'], express.Router().post('/both', noop))
  app.route('/tables').post(noop).patch(noop)
  app.all('/hook', noop)
  app.post(['/a', '/b'], noop)
  const admin = express()
  admin.post('/users', noop)
  app.use('/admin', admin)
  assert.deepEqual(routeSourceOf(app).list(), [
    'PUT /api/events/:eventId/branding/:part',
    'GET /api/events/:eventId/branding',
    'POST /api/events/:eventId',
    'DELETE /sessions',
    'POST /…/both',
    'POST /tables',
    'PATCH /tables',
    'ALL /hook',
    'POST /a,/b',
  ])
  assert.deepEqual(routeSourceOf(admin).list(), ['POST /admin/users'])
  assert.deepEqual(routeSourceOf(express()).list(), [])

  const server = fastify()
  await server.register(fastifyAudit, { recorder })
  server.post('/events/:id', noop)
  await server.register(async (scope) => void scope.put('/branding', noop), { prefix: '/api' })
  server.route({ method: ['PATCH', 'DELETE'], url: '/guests/:id', handler: noop })
  server.get('/', noop)
  server.all('/hook', noop)
  await server.ready()
  assert.deepEqual(routeSourceOf(server).list(), [
    'POST /events/:id',
    'PUT /api/branding',
    'PATCH /guests/:id',
    'DELETE /guests/:id',
    'GET /',
    'HEAD /',
    'ALL /hook',
  ])
  await server.close()

  const api = new Hono().post('/branding', (c) => c.text(''))
  const hono = new Hono().basePath('/v1')
  hono.use(honoAudit({ recorder }))
  hono.use('/events/*', async (_, next) => await next())
  hono.route('/events/:eventId', api)
  hono.all('/hook', (c) => c.text(''))
  hono.on(['PUT', 'DELETE'], '/tables', (c) => c.text(''))
  assert.deepEqual(routeSourceOf(hono).list(), [
    'POST /v1/events/:eventId/branding',
    'ALL /v1/hook',
    'PUT /v1/tables',
    'DELETE /v1/tables',
  ])

  assert.deepEqual(routeSourceOf(['POST /x']).list(), ['POST /x'])
  for (const odd of [null, {}, 'POST /x', fastify(), ['post']])
    assert.throws(() => routeSourceOf(odd), /watchRoutes takes an application/)
})

test('the mount path of a router of Express 4 is read from its expression', () => {
  const layerOf = (source: string, names: readonly string[] = []) => ({
    regexp: new RegExp(source, 'i'),
    keys: names.map((name) => ({ name })),
    handle: Object.assign(() => {}, {
      stack: [{ route: { path: '/x', methods: { post: true } } }],
    }),
  })
  const end = '\\/?(?=\\/|$)'
  const routesOf = (layer: object) =>
    routeSourceOf(Object.assign(() => {}, { use() {}, _router: { stack: [layer] } })).list()
  assert.deepEqual(routesOf(layerOf(`^\\/api\\/v1\\.0${end}`)), ['POST /api/v1.0/x'])
  const two = layerOf(`^\\/e(?:\\/([^/]+?))\\/g\\/(?:([^\\/]+?))${end}`, ['eventId', 'id'])
  assert.deepEqual(routesOf(two), ['POST /e/:eventId/g/:id/x'])
  assert.deepEqual(routesOf(layerOf(`^\\/a|\\/b${end}`)), ['POST /…/x'])
  const root = layerOf(`^\\/?(?=\\/|$)`)
  Object.assign(root.regexp, { fast_slash: true })
  assert.deepEqual(routesOf(root), ['POST /x'])
})

test('a recorded route belongs to the declared one that is nearest', () => {
  const declared = [
    'POST /events/:id',
    'POST /events/new',
    'POST /events/:id/guests/:guestId',
    'ALL /events/:id/hook',
    'POST /files/*',
    'POST /…/both',
    'PUT /a.b/:id{.json}',
  ]
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['POST /events/:id', 'POST /events/:id'],
    ['POST /events/new', 'POST /events/new'],
    ['POST /events/5', 'POST /events/:id'],
    ['POST /events/5/guests/:guestId', 'POST /events/:id/guests/:guestId'],
    ['DELETE /events/5/hook', 'ALL /events/:id/hook'],
    ['POST /files/a/b', 'POST /files/*'],
    ['POST /two/both', 'POST /…/both'],
    ['PUT /a.b/5', 'PUT /a.b/:id{.json}'],
    ['PUT /axb/5', undefined],
    ['DELETE /events/5', undefined],
    ['POST /events', undefined],
  ]
  for (const [recorded, found] of cases) assert.equal(declaredRoute(recorded, declared), found)
})

function coverageOf(t: TestContext, lines: readonly object[], exempt?: Exemptions) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-notes-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  fs.writeFileSync(path.join(folder, 'note.txt'), 'not one of ours')
  fs.writeFileSync(
    path.join(folder, '1.ndjson'),
    `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"rou`,
  )
  return readCoverage(folder, exempt)
}

test('exemptions excuse what they name, and nothing else', (t) => {
  const lines = [
    { route: 'POST /a' },
    { route: 'DELETE /b' },
    { route: 'GET /c' },
    { route: 'HEAD /c' },
    { recorded: 'POST /a' },
    { recorded: 'GET /c' },
  ]
  const { missing, recordingReads, isComplete } = coverageOf(t, lines)
  assert.deepEqual(
    { missing, recordingReads },
    { missing: ['DELETE /b'], recordingReads: ['GET /c'] },
  )
  assert.equal(isComplete, false)
  const exempt = { 'DELETE /b': 'done by a trigger', 'GET /c': 'an export is audited' }
  const excused = coverageOf(t, lines, exempt)
  assert.equal(excused.isComplete, true)
  assert.match(coverageText(excused), /Exempt:\n {4}DELETE \/b: done by a trigger\n/)
  const idle = { 'POST /a': 'it records as it should', 'POST /gone': 'it was removed' }
  const more = coverageOf(t, lines, { ...exempt, ...idle })
  assert.deepEqual(more.idleExemptions, ['POST /a', 'POST /gone'])
  assert.equal(more.isComplete, false)
  assert.throws(() => coverageOf(t, lines, { 'DELETE /b': 'no' }), {
    code: 'AUDIT_OPTION_INVALID',
  })
  assert.equal(coverageOf(t, []).isComplete, false, 'nothing was watched')
  assert.equal(coverageOf(t, [{ route: 'GET /c' }]).isComplete, true)
})

// Last, because watching goes on until the process ends.
test('in one process: recorded in the request, in a transaction, and by package-level record', async (t) => {
  assert.throws(() => assertCovered(), /startCoverage\(\)/)
  const untouched = new Hono()
  assert.equal(watchRoutes(untouched), untouched)
  const folder = startCoverage()
  t.after(() => {
    fs.rmSync(folder, { recursive: true })
    delete process.env['AUDIT_COVERAGE_DIR']
  })
  const recorder = createMemoryRecorder()
  const server = fastify()
  await server.register(fastifyAudit, { recorder, asyncContext: true })
  watchRoutes(server)
  const { record } = await import('audit-outbox')
  server.post('/own', async (request) => request.audit.record({ action: 'a.b' }))
  server.post('/child', async (request) => request.audit.child({}).record({ action: 'a.b' }))
  server.post('/in', async (request) => request.audit.recordIn({} as never, { action: 'a.b' }))
  server.post('/package/:id', async () => record({ action: 'a.b' }))
  server.post('/refused', async (request) => request.audit.record({ action: 'audit.read' }))
  server.post('/silent', async () => 'nothing')
  for (const url of ['/own', '/child', '/in', '/package/7', '/refused', '/silent'])
    assert.equal((await server.inject({ method: 'POST', url })).statusCode, 200, url)
  await server.close()
  const { missing } = readCoverage(folder)
  assert.deepEqual(missing, ['POST /refused', 'POST /silent'])
  assert.throws(() => assertCovered(), /Nothing was recorded in:\n {4}POST \/refused\n/)
  assert.equal(process.exitCode, 1)
  process.exitCode = undefined
  const reason = 'it changes nothing'
  assertCovered({ exempt: { 'POST /refused': reason, 'POST /silent': reason } })
})
