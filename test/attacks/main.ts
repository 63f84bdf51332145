import { parseArgs } from 'node:util'
import { ownServer } from '../support/own-server.ts'
import { prepareServer } from '../support/prepare.ts'
import { positive, withUsage } from '../support/usage.ts'
import { makeStrangers, withArena } from './arena.ts'
import { type Attack, type Outcome, succeeded } from './attack.ts'
import { PARTS } from './parts.ts'

const USAGE = `npm run test:attacks -- [--seconds 20] [--only PART] [--help]

Plays attacks on a log, each with the login that would play it, on a server of its own and in a
database of its own, and prints what came of each. It exits with 1 where one succeeded.

  --seconds  how long those attacks last that are bound to time, together: locks that are held, floods
  --only     only the parts, or the attacks, with this text in their name

Parts: ${Object.keys(PARTS).join(', ')}`

/** An attack that hangs has stopped something. */
const PLAY_TIMEOUT_MS = 180_000

const { seconds, only } = withUsage(USAGE, () => {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '20' }, only: { type: 'string', default: '' } },
  })
  return { seconds: positive('seconds', values.seconds), only: values.only }
})

/** The parts, each with its attacks that were asked for. */
function chosen(): readonly (readonly [part: string, attacks: readonly Attack[]])[] {
  const found = Object.entries(PARTS).map(([part, attacks]) => {
    const isWhole = part.includes(only)
    return [part, attacks.filter(({ name }) => isWhole || name.includes(only))] as const
  })
  const some = found.filter(([, attacks]) => attacks.length > 0)
  if (some.length > 0) return some
  console.error(`No part and no attack has "${only}" in its name.\n\n${USAGE}`)
  process.exit(2)
}

async function played(attack: Attack, share: number): Promise<Outcome> {
  let overdue: NodeJS.Timeout | undefined
  const tooLong = new Promise<Outcome>((resolve) => {
    const late = () => resolve(succeeded(`still not over after ${PLAY_TIMEOUT_MS / 1_000} s`))
    overdue = setTimeout(late, PLAY_TIMEOUT_MS)
  })
  try {
    return await withArena({ isEmpty: attack.database === 'empty', seconds: share }, (arena) =>
      Promise.race([attack.play(arena), tooLong]),
    )
  } catch (error) {
    return succeeded(`failed: ${error instanceof Error ? error.message : error}`)
  } finally {
    clearTimeout(overdue)
  }
}

async function main(): Promise<boolean> {
  const parts = chosen()
  const lasting = parts.flatMap(([, attacks]) => attacks.filter(({ lasts }) => lasts))
  const share = seconds / Math.max(1, lasting.length)
  const beganMs = performance.now()
  const { server, remove } = await ownServer({ max_connections: '200' })
  process.env['AUDIT_TEST_DATABASE_URL'] = server.url
  const counts = { held: 0, succeeded: 0 }
  try {
    await prepareServer(server.url, (_, work) => work())
    await makeStrangers()
    for (const [part, attacks] of parts) {
      console.log(`\n${part}`)
      for (const attack of attacks) {
        const { isHeld, what } = await played(attack, share)
        counts[isHeld ? 'held' : 'succeeded'] += 1
        const by = attack.by.padEnd(17)
        console.log(`  ${isHeld ? '✓' : '✗'} ${by} ${attack.name.padEnd(62)} ${what}`)
      }
    }
  } finally {
    await remove()
  }
  const took = Math.round((performance.now() - beganMs) / 1_000)
  console.log(`\n${counts.held} came to nothing, ${counts.succeeded} succeeded; ${took} s`)
  return counts.succeeded === 0
}

for (const [signal, number] of [['SIGINT', 2] as const, ['SIGTERM', 15] as const]) {
  process.on(signal, () => process.exit(128 + number)) // the server ends with this process
}

process.exit((await main()) ? 0 : 1)
