import postgres from 'postgres'
import { Drain } from './growth-drain.ts'
import { openLogs } from './growth-logs.ts'
import type { Part, PartOptions, Result } from './part.ts'
import { interleave, type Rounds, showSpread } from './rounds.ts'

/** Nobody drops it: the relay looks there whether an entry is in the log already. */
const ALL = 'none: all are there'

async function run({ isQuick, say }: PartOptions): Promise<Result> {
  const rows = isQuick ? 5_000 : 200_000
  const drainRows = isQuick ? 2_000 : 100_000
  const logs = await openLogs({ logs: { log: { rows, months: 1 } }, say })
  const drain = new Drain(logs, 'log')
  const sql = postgres(logs.url('log'), { max: 1, onnotice: () => {} })
  try {
    const turn = () => drain.run(drainRows, false)
    const without = (await indexesOf(sql)).map(({ name, definition }) => {
      const turnWithout = async () => {
        await sql.unsafe(`drop index audit.${name}`)
        try {
          return await turn()
        } finally {
          await sql.unsafe(definition)
        }
      }
      return [name, turnWithout] as const
    })
    const rounds = await interleave(Object.fromEntries([[ALL, turn], ...without]), {
      rounds: isQuick ? 1 : 5,
      warmUpRounds: isQuick ? 0 : 1,
      onTurn: (name, round) => say(`without ${name}, round ${round + 1}`),
    })
    return { tables: [tableOf(rounds, drainRows)], goals: [], charts: [], measured: { rounds } }
  } finally {
    await sql.end({ timeout: 1 })
    await drain.close()
    await logs.close()
  }
}

interface Index {
  readonly name: string
  /** Of the log and all its partitions. */
  readonly definition: string
}

async function indexesOf(sql: postgres.Sql): Promise<Index[]> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select c.relname as name, pg_get_indexdef(i.indexrelid) as definition
    from pg_index as i join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = 'audit.audit_log'::regclass and not i.indisprimary
    order by c.relname`
  // As it is told, it would be made for the log alone, and for none of its partitions.
  return indexes.map(({ name, definition }) => ({
    name,
    definition: definition.replace(' ON ONLY ', ' ON '),
  }))
}

function tableOf(rounds: Rounds, drainRows: number) {
  const share = (name: string, metric: string) => {
    const { median, min, max } = rounds.ratio(name, ALL, metric)
    return `${percent(1 - median)} (${percent(1 - max)} to ${percent(1 - min)})`
  }
  return {
    title: `What each index costs the drain of ${drainRows.toLocaleString('en-US')} entries`,
    columns: ['without', 'entries/s', 'CPU s/million', 'its share of CPU', 'its share of WAL'],
    rows: rounds.names.map((name) => [
      name,
      showSpread(rounds.spread(name, 'entriesPerSecond')),
      showSpread(rounds.spread(name, 'cpuSecondsPerMillion')),
      name === ALL ? '' : share(name, 'cpuSecondsPerMillion'),
      name === ALL ? '' : share(name, 'walBytesPerEntry'),
    ]),
    note: 'The primary key cannot be spared: the relay looks there whether an entry is logged.',
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

export const part: Part = {
  name: 'indexes',
  summary: 'what each index of the log costs the drain',
  run,
}
