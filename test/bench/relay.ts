import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type postgres from 'postgres'
import { RELAY_LIMITS } from '../../src/options.ts'
import { BenchServer } from './bench-server.ts'
import { countLog, drained } from './drain.ts'
import type { Part, Result } from './part.ts'
import { drainPeer, installPeers, PEERS } from './peers.ts'
import { interleave, showNumber, showSpread } from './rounds.ts'
import { fillStaging, REQUEST_IDS } from './staged.ts'

const LANE_COLUMNS =
  'id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action, ' +
  'entity_type, request_id, metadata, context'
const BATCH = RELAY_LIMITS.batchEntries.default
/**
 * The others are slower and get fewer entries, and a small log is cheaper to add to than a large
 * one.
 */
const AS_MANY = 'relay, as many as the others'
const ONE_MOVE = 'relay, one move at a time'
const CHUNK_BYTES = 64 * 1024

export const part: Part = {
  name: 'relay',
  summary: 'one relay against COPY, pg-boss and graphile-worker, into the same table',
  async run({ isQuick, say }): Promise<Result> {
    const rows = isQuick ? 5_000 : 500_000
    const jobs = isQuick ? 2_000 : 50_000
    const bench = await BenchServer.start()
    const missing = isQuick
      ? 'the quick form leaves pg-boss and graphile-worker out'
      : installPeers(say)
    if (missing) say(missing)
    try {
      await bench.make('staged', (sql) => fillStaging(sql, rows))
      await bench.make('jobs', (sql) => fillStaging(sql, jobs))
      const text = await copyText(bench)
      const ours = async (
        url: string,
        sql: postgres.Sql,
        of: number,
        options: { parallelMoves?: number } = {},
      ) => {
        const sample = await drained({ url, serverPid: bench.server.pid, ...options })
        if ((await countLog(sql)) !== of) throw new Error('not every entry is in the log')
        return sample
      }
      const rounds = await interleave(
        {
          relay: () => bench.onCopy('staged', (url, sql) => ours(url, sql, rows)),
          [ONE_MOVE]: () =>
            bench.onCopy('staged', (url, sql) => ours(url, sql, rows, { parallelMoves: 1 })),
          COPY: () => bench.onCopy('staged', (_, sql) => copied(sql, text, rows)),
          [AS_MANY]: () => bench.onCopy('jobs', (url, sql) => ours(url, sql, jobs)),
          ...(missing
            ? {}
            : Object.fromEntries(
                PEERS.map((peer) => [
                  peer,
                  () =>
                    bench.onCopy('jobs', async (url, sql) => {
                      const sample = await drainPeer(peer, { url, jobs, batchEntries: BATCH })
                      if ((await countLog(sql)) !== jobs) throw new Error(`${peer} lost entries`)
                      return sample
                    }),
                ]),
              )),
        },
        { rounds: isQuick ? 1 : 5, onTurn: (name, round) => say(`round ${round + 1}: ${name}`) },
      )
      const peers = rounds.names.filter((name) => !name.startsWith('relay'))
      const over = (name: string) =>
        rounds.ratio(name === 'COPY' ? 'relay' : AS_MANY, name, 'entriesPerSecond')
      const wanted = (name: string) => (name === 'COPY' ? 1 : 3)
      return {
        tables: [
          {
            title: `Into the log with all its indexes, batches of ${showNumber(BATCH)}: median (min–max)`,
            columns: ['', 'entries/s', 'relay over it', 'staged/s'],
            rows: rounds.names.map((name) => [
              name,
              showSpread(rounds.spread(name, 'entriesPerSecond')),
              peers.includes(name) ? showSpread(over(name)) : '',
              PEERS.some((peer) => peer === name)
                ? showSpread(rounds.spread(name, 'stagedPerSecond'))
                : '',
            ]),
            note:
              `relay and COPY: ${showNumber(rows)} entries; the relay with ` +
              `${RELAY_LIMITS.parallelMoves.default} moves side by side, as it is set by default, COPY as one transaction through postgres.js ` +
              `from text that is ready in memory, with seq numbered before. Request ids are ${REQUEST_IDS}. ` +
              (missing ??
                `The other two: ${showNumber(jobs)} jobs, next to a relay with as many entries; of the jobs each batch is fetched, written to the ` +
                  'log in one statement and completed; pg-boss with two batches under way, graphile-worker ' +
                  'with its local queue, batched completion, and a write shared by the jobs that run.'),
          },
        ],
        goals: peers.map((name) => ({
          name: `relay over ${name}, entries/s`,
          value: over(name).median,
          atLeast: wanted(name),
        })),
        charts: [
          {
            name: 'relay',
            title: 'Into the log, with all its indexes',
            subtitle: 'Entries a second; more is better',
            unit: '/s',
            bars: rounds.names.map((name) => ({
              label: name,
              value: rounds.spread(name, 'entriesPerSecond').median,
              min: rounds.spread(name, 'entriesPerSecond').min,
              max: rounds.spread(name, 'entriesPerSecond').max,
              isOurs: name.startsWith('relay'),
            })),
          },
        ],
        measured: { rows, jobs, batchEntries: BATCH, rounds },
      }
    } finally {
      await bench.remove()
    }
  },
}

/** What COPY will be given: the same rows, with the numbers that the relay would give them. */
async function copyText(bench: BenchServer): Promise<readonly Buffer[]> {
  const sql = bench.connect('staged')
  const text: Buffer[] = []
  const query = `copy (
    select ${LANE_COLUMNS}, row_number() over (order by id) from audit.audit_staging order by id
  ) to stdout`
  for await (const piece of await sql.unsafe(query).readable()) text.push(piece as Buffer)
  await sql.end({ timeout: 5 })
  const whole = Buffer.concat(text)
  return Array.from({ length: Math.ceil(whole.length / CHUNK_BYTES) }, (_, at) =>
    whole.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES),
  )
}

async function copied(sql: postgres.Sql, text: readonly Buffer[], rows: number) {
  await sql`select 1` // connected, as the relay is when it is busy
  const beganMs = performance.now()
  const query = sql.unsafe(`copy audit.audit_log (${LANE_COLUMNS}, seq) from stdin`)
  await pipeline(Readable.from(text), await query.writable())
  const ms = performance.now() - beganMs
  const [row] = await sql<{ entries: number }[]>`
    select count(*)::float8 as entries from audit.audit_log`
  if (row?.entries !== rows) throw new Error('COPY did not load every row')
  return { entriesPerSecond: (rows / ms) * 1_000 }
}
