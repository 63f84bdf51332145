import { optionInvalid } from '../../../src/errors.ts'
import type { Environment } from '../../config.ts'
import {
  type Hold,
  type HoldConditions,
  listHolds,
  placeHold,
  releaseHold,
} from '../../life/holds.ts'
import { printable, say } from '../command/say.ts'
import { wasRefused, withKeeper, withKeeperOrReader } from './with-keeper.ts'

const DONE = 0
const FAILED = 1
const INVALID_PARAMETER = '22023'

interface As {
  readonly json: boolean
}

/** Places a hold, and prints its id. */
export function layHold(
  environment: Environment,
  reason: string,
  conditions: HoldConditions,
  { json }: As,
): Promise<number> {
  return withKeeper(environment, async (database) => {
    const id = await placeHold(database, reason, conditions).catch((error: unknown) => {
      if (!wasRefused(error, INVALID_PARAMETER)) throw error
      throw optionInvalid(
        '--user, --event or --target is no UUID, and the ids of this log are UUIDs: no entry can ' +
          'have it, so the hold would hold nothing. Look up the id in the log.',
      )
    })
    say(json, { id }, [`Held by ${id}. The log says so.`])
    return DONE
  })
}

/** Prints the holds in force, oldest first. */
export function showHolds(
  environment: Environment,
  { json, released }: As & { readonly released: boolean },
): Promise<number> {
  return withKeeperOrReader(environment, async (database) => {
    const holds = await listHolds(database, released)
    say(json, holds, holds.length > 0 ? holds.flatMap(linesOf) : ['There are no holds in force.'])
    return DONE
  })
}

function linesOf(hold: Hold): readonly string[] {
  const { id, reason, placedBy, placedAt, releasedBy, releasedAt } = hold
  const on = [
    ['user', hold.userId],
    ['event', hold.eventId],
    ['target', hold.targetId],
    ['request', hold.requestId],
    ['from', hold.from],
    ['to', hold.to],
  ].flatMap(([name, value]) => (value ? [`${name} ${printable(value).slice(1, -1)}`] : []))
  const end = releasedAt === null ? '' : `, released by ${releasedBy} at ${releasedAt}`
  return [
    `${id}  ${on.join(', ')}`,
    `  ${printable(reason)}, placed by ${placedBy} at ${placedAt}${end}`,
  ]
}

/** Releases a hold. @returns 1 where no such hold is in force */
export function endHold(environment: Environment, id: string, { json }: As): Promise<number> {
  return withKeeper(environment, async (database) => {
    const released = await releaseHold(database, id)
    say(json, { id, released }, [
      released ? `${id} is released. The log says so.` : `No hold ${id} is in force.`,
    ])
    return released ? DONE : FAILED
  })
}
