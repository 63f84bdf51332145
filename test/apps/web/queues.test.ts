import assert from 'node:assert/strict'
import { spawnSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { captureContext, createRecorder, record, runWithContext } from 'audit-outbox'
import { expressAudit } from 'audit-outbox/express'
import { type Job, Queue, Worker } from 'bullmq'
import express from 'express'
import { Redis } from 'ioredis'
import PgBoss from 'pg-boss'
import { assertRows, DATABASE_URL, logged, lookUp, PEOPLE } from './support/people.ts'

interface Invitation {
  readonly thingId: string
  /** What `captureContext()` returned. */
  readonly audit: unknown
}

interface JobQueue {
  add(data: Invitation): Promise<unknown>
  /** Calls `work` for each job, in no request of anybody. */
  run(work: (data: Invitation) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** pg-boss keeps a job's data as jsonb, which has an order of keys of its own. */
async function pgBoss(): Promise<JobQueue> {
  const boss = new PgBoss({ connectionString: DATABASE_URL, schema: 'pgboss' })
  await boss.start()
  await boss.createQueue('invite')
  return {
    add: (data) => boss.send('invite', data),
    run: async (work) => {
      const options = { batchSize: 50, pollingIntervalSeconds: 0.5 }
      await boss.work<Invitation>('invite', options, async (jobs) => {
        await Promise.all(jobs.map((job) => work(job.data)))
      })
    },
    close: () => boss.stop({ graceful: false }),
  }
}

/** BullMQ on a real Redis, where there is one. */
async function bullmq(port: number): Promise<JobQueue> {
  const connection = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null })
  const queue = new Queue<Invitation>('invite', { connection })
  const workers: Worker[] = []
  return {
    add: (data) => queue.add('invite', data),
    run: async (work) => {
      const options = { connection, concurrency: 20 }
      workers.push(new Worker('invite', (job: Job<Invitation>) => work(job.data), options))
    },
    close: async () => {
      for (const worker of workers) await worker.close()
      await queue.close()
      connection.disconnect()
    },
  }
}

/** As BullMQ keeps a job: its data is JSON text in a hash. For a machine without Redis. */
async function standIn(): Promise<JobQueue> {
  const kept: string[] = []
  return {
    add: async (data) => kept.push(JSON.stringify(data)),
    run: async (work) => {
      const next = () => {
        const text = kept.shift()
        if (text !== undefined) void work(JSON.parse(text))
        setTimeout(next, 1).unref()
      }
      next()
    },
    close: async () => {},
  }
}

const hasRedis = spawnSync('redis-server', ['--version']).status === 0

async function withRedis(t: TestContext): Promise<JobQueue> {
  const port = 46_379
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp']
  const redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => redis.kill('SIGKILL'))
  for await (const text of redis.stdout.setEncoding('utf8')) {
    if (text.includes('Ready to accept connections')) break
  }
  return await bullmq(port)
}

const QUEUES: Readonly<Record<string, (t: TestContext) => Promise<JobQueue>>> = {
  'pg-boss': pgBoss,
  ...(hasRedis ? { BullMQ: withRedis } : { "a stand-in with BullMQ's data": standIn }),
}

for (const [name, open] of Object.entries(QUEUES)) {
  // Goal: who asked for a job is known where it runs.
  // Method: 100 people at once enqueue a job each, over HTTP; the jobs run later, in other async
  // contexts, and record before and after an await.
  test(`${name}: the job of each of 100 users names the user, the colleague and the request`, async (t) => {
    const queue = await open(t)
    const recorder = createRecorder()
    const app = express()
    app.use(
      expressAudit({
        recorder,
        asyncContext: true,
        user: (req) => req.headers['x-test-user'] as string,
        actor: (req) => req.headers['x-test-actor'] as string | undefined,
      }),
    )
    app.post('/things/:id/invite', async (req, res) => {
      await lookUp('')
      await queue.add({ thingId: req.params.id, audit: captureContext() })
      res.sendStatus(202)
    })
    const server = http.createServer(app).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    t.after(async () => {
      await queue.close()
      server.close()
      server.closeAllConnections()
      await recorder.close()
    })
    await Promise.all(
      PEOPLE.map(async ({ thingId, headers }) => {
        const url = `http://127.0.0.1:${port}/things/${thingId}/invite`
        assert.equal((await fetch(url, { method: 'POST', headers })).status, 202)
      }),
    )

    let done = 0
    const finished = new Promise<void>((resolve) => {
      const work = async ({ thingId, audit }: Invitation) => {
        await recorder.withContext({ userId: 'the worker itself' }, () =>
          runWithContext(audit, async () => {
            record({ action: 'queue.begin', targetId: thingId })
            await lookUp('')
            record({ action: 'queue.end', targetId: thingId })
          }),
        )
        done += 1
        if (done === PEOPLE.length) resolve()
      }
      void queue.run(work)
    })
    await finished
    await recorder.flush()
    const rows = await logged('queue.')
    assertRows(rows, ['queue.begin', 'queue.end'], () => ({
      ip: '127.0.0.1',
      method: 'POST',
      route: '/things/:id/invite',
    }))
    for (const { target_id, request_id } of rows) {
      const person = PEOPLE.find(({ requestId }) => requestId === request_id)
      assert.equal(target_id, person?.thingId)
    }
  })
}
