import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { logged } from './support/people.ts'

// The pages as they lie in the package that is installed here.
const PAGES = 'node_modules/audit-outbox/src/frameworks'
const MAX_OWN_LINES = 10

const samplesOf = (page: string): readonly string[] =>
  Array.from(
    fs.readFileSync(`${PAGES}/${page}.md`, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm),
    ([, text = '']) => text,
  )

/** Lines with code that somebody has to think of: no imports, no comments, no closing brackets. */
const ownLines = (text: string) =>
  text
    .replaceAll(/^import [\s\S]*?from '[^']+'$/gm, '')
    .split('\n')
    .filter((line) => /[^\s)}\],;]/.test(line) && !/^\s*(?:\/\/|import )/.test(line))

function write(page: string, index: number, text: string): string {
  const file = `sample-${page}-${index}.ts`
  const needsAudit =
    /\baudit[,.]|: audit\b/.test(text) && !/\b(?:const|let|{) audit\b|, audit\b/.test(text)
  const stub = needsAudit ? "declare const audit: import('audit-outbox').Recorder\n" : ''
  fs.writeFileSync(file, `${text}${stub}export {}\n`)
  return file
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as net.AddressInfo
  probe.close()
  return port
}

interface Program {
  readonly url: string
  stop(): Promise<void>
}

async function run(t: TestContext, file: string): Promise<Program> {
  const port = await freePort()
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    env: {
      ...process.env,
      PORT: String(port),
      BETTER_AUTH_SECRET: 'a secret of the test, of 32 characters',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const isUp = await fetch(url).then(
      () => true,
      () => false,
    )
    if (isUp) break
    assert.equal(child.exitCode, null, file)
    await sleep(50)
  }
  return {
    url,
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}

const post = { method: 'POST', headers: { 'content-type': 'application/json' } }
const GRACE = '4f1c7e88-6c1f-4f0e-9a53-3f6d1c1f0a01'
const THING = '01980a52-6d1c-7b5e-9d3a-0b7f3c9a1d11'

/** What is asked of each page's program, and the first entry that comes of it. */
const PROGRAMS: Readonly<
  Record<string, { request(url: string): Promise<Response>; action: string; route: string }>
> = {
  express: { request: rename, action: 'thing.rename', route: '/things/:id' },
  fastify: { request: rename, action: 'thing.rename', route: '/things/:id' },
  hono: { request: rename, action: 'thing.rename', route: '/things/:id' },
  nest: {
    request: (url) => fetch(`${url}/things/${THING}`, { method: 'PATCH' }),
    action: 'thing.rename',
    route: '/things/:id',
  },
  trpc: {
    request: (url) => fetch(`${url}/rename`, post),
    action: 'thing.rename',
    route: 'rename',
  },
  'better-auth': {
    request: (url) =>
      fetch(`${url}/api/auth/sign-up/email`, {
        method: 'POST',
        headers: { ...post.headers, origin: url },
        body: JSON.stringify({ name: 'Ada', email: 'ada@example.org', password: 'correct horse' }),
      }),
    action: 'user.sign_up',
    route: '/sign-up/email',
  },
}

function rename(url: string): Promise<Response> {
  return fetch(`${url}/things/${THING}`, { method: 'PUT' })
}

test('every sample of the pages compiles', () => {
  const names = fs
    .readdirSync(PAGES)
    .filter((name) => name.endsWith('.md') && !/^(?:README|next)\.md$/.test(name))
  assert.ok(names.length >= 8)
  for (const name of names) {
    const page = name.replace('.md', '')
    for (const [index, text] of samplesOf(page).entries()) write(page, index, text)
  }
  execFileSync('node_modules/.bin/tsc', ['--noEmit'], { stdio: 'inherit' })
})

for (const [page, { request, action, route }] of Object.entries(PROGRAMS)) {
  test(`${page}: its first sample runs as it is, and makes an entry`, async (t) => {
    const [text = ''] = samplesOf(page)
    const own = ownLines(text)
    assert.ok(own.length <= MAX_OWN_LINES, `${own.length} lines:\n${own.join('\n')}`)
    const program = await run(t, write(page, 0, text))
    const answer = await request(program.url)
    assert.ok(answer.ok, `${answer.status}: ${await answer.text()}`)
    await program.stop()
    const entries = (await logged('')).filter((row) => !row.action.startsWith('audit.'))
    assert.deepEqual(
      entries.map((row) => [row.action, row.context['route']]),
      [[action, route]],
    )
    t.diagnostic(`${page}: ${own.length} own lines`)
  })
}

test('lambda: its sample writes the entry before it answers', async () => {
  const [text = ''] = samplesOf('lambda')
  assert.ok(ownLines(text).length <= MAX_OWN_LINES)
  const { handler } = await import(`./${write('lambda', 0, text)}`)
  assert.deepEqual(await handler({ routeKey: 'PUT /things/{id}' }), { statusCode: 204 })
  const [entry] = await logged('thing.')
  assert.equal(entry?.context['route'], '/things/{id}')
})

test('queues: the first sample takes the user to where the job runs', async () => {
  const { createRecorder, setDefaultRecorder, withContext } = await import('audit-outbox')
  const recorder = createRecorder()
  setDefaultRecorder(recorder)
  const [text = ''] = samplesOf('queues')
  const file = write('queues', 0, text.replace('const jobs', 'export const jobs'))
  const { enqueue, work, jobs } = await import(`./${file}`)
  withContext({ userId: THING, actorId: GRACE }, () => enqueue(THING))
  work(jobs[0])
  await recorder.close()
  const [entry] = await logged('invitation.')
  assert.deepEqual([entry?.user_id, entry?.actor_id], [THING, GRACE])
})
