import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { ownServer } from '../support/own-server.ts'
import { prepareServer } from '../support/prepare.ts'
import { databaseUrl, TEMPLATE_DATABASE, TEST_PREFIX, withClient } from '../support/server.ts'
import { positive, withUsage } from '../support/usage.ts'
import { PARTS } from './parts.ts'
import { type Outcome, play } from './play.ts'
import { makeScene } from './scene.ts'
import type { Tampering } from './tampering.ts'

const USAGE = `npm run test:tamper -- [--sealed 5000] [--unsealed 50] [--only TEXT] [--help]

Records, moves and seals a log on a server of its own, and plays each tampering on it as a superuser with
all triggers off, in a transaction that is rolled back. It prints the exit code of "audit-relay verify"
and the kinds that it names, with all checkpoints known outside and with none, and exits with 1 where
one of them is not the expected one.

  --sealed    entries that are sealed, at least 1000
  --unsealed  entries behind them, at least 40
  --only      the parts, or the tamperings, with this text in their name

Parts: ${Object.keys(PARTS).join(', ')}`

const { sealed, unsealed, only } = withUsage(USAGE, () => {
  const text = (fallback: string) => ({ type: 'string' as const, default: fallback })
  const { values } = parseArgs({
    options: { sealed: text('5000'), unsealed: text('50'), only: text('') },
  })
  const counts = {
    sealed: positive('sealed', values.sealed),
    unsealed: positive('unsealed', values.unsealed),
  }
  if (counts.sealed < 1_000) throw new Error('--sealed must be at least 1000.')
  if (counts.unsealed < 40) throw new Error('--unsealed must be at least 40.')
  return { ...counts, only: values.only }
})

function chosen(): readonly (readonly [part: string, tamperings: readonly Tampering[]])[] {
  return Object.entries(PARTS)
    .map(([part, all]) => {
      const isWhole = part.includes(only)
      return [part, all.filter(({ name }) => isWhole || name.includes(only))] as const
    })
    .filter(([, some]) => some.length > 0)
}

const shown = ({ code, kinds, isExpected }: Outcome) =>
  `${isExpected ? ' ' : '✗'} ${code} ${kinds.join(', ') || '(nothing)'}`

async function main(): Promise<boolean> {
  const beganMs = performance.now()
  const { server, remove } = await ownServer()
  process.env['AUDIT_TEST_DATABASE_URL'] = server.url
  let [asExpected, others] = [0, 0]
  try {
    await prepareServer(server.url, (_, work) => work())
    const name = `${TEST_PREFIX}tamper`
    await withClient(
      server.url,
      (admin) => admin`create database ${admin(name)} template ${admin(TEMPLATE_DATABASE)}`,
    )
    const scene = await makeScene(databaseUrl(name), { sealed, unsealed })
    const sql = postgres(databaseUrl(name), { max: 1, onnotice: () => {} })
    console.log(`${sealed} sealed entries, ${unsealed} that are not sealed yet`)
    console.log(`${''.padEnd(80)}  known outside${''.padEnd(35)}  nothing known outside`)
    for (const [part, tamperings] of chosen()) {
      console.log(`\n${part}`)
      for (const tampering of tamperings) {
        const { anchored, alone } = await play(sql, scene, tampering)
        const isExpected = anchored.isExpected && alone.isExpected
        if (isExpected) asExpected += 1
        else others += 1
        console.log(`  ${tampering.name.padEnd(78)}${shown(anchored).padEnd(48)}  ${shown(alone)}`)
      }
    }
    await sql.end({ timeout: 1 })
  } finally {
    await remove()
  }
  const took = Math.round((performance.now() - beganMs) / 1_000)
  console.log(`\n${asExpected} as expected, ${others} not; ${took} s`)
  return others === 0 && asExpected > 0
}

for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const]) {
  process.on(signal, () => process.exit(128 + number)) // the server ends with this process
}

process.exit((await main()) ? 0 : 1)
