import type { Environment } from '../../config.ts'
import {
  listPolicies,
  type Policy,
  type PolicyChange,
  removePolicy,
  setPolicy,
} from '../../life/policies.ts'
import { say } from '../command/say.ts'
import { withKeeper, withKeeperOrReader } from './with-keeper.ts'

const DONE = 0
const FAILED = 1

interface As {
  readonly json: boolean
}

/** Sets a policy, and says from when on it counts. */
export function sayPolicy(
  environment: Environment,
  actions: string,
  keep: string | null,
  { json }: As,
): Promise<number> {
  return withKeeper(environment, async (database) => {
    const change = await setPolicy(database, actions, keep)
    if (change === undefined) return FAILED
    say(json, { actions, keep, ...change }, [
      `${actions} is kept ${keptFor(keep)}: ${whenOf(change)}`,
    ])
    return DONE
  })
}

/** Removes a policy, and says from when on. @returns 1 where there is none */
export function withdrawPolicy(
  environment: Environment,
  actions: string,
  { json }: As,
): Promise<number> {
  return withKeeper(environment, async (database) => {
    const change = await removePolicy(database, actions)
    if (change === undefined) {
      say(json, null, [`${actions} has no policy of its own.`])
      return FAILED
    }
    say(json, { actions, ...change }, [`${actions} has no policy any more: ${whenOf(change)}`])
    return DONE
  })
}

function whenOf({ effectiveAt, countsNow, isNew }: PolicyChange): string {
  if (countsNow) return isNew ? 'it counts from now on.' : 'that was said before, and counts.'
  const again = isNew ? '' : 'that was said before. '
  const why = 'Less is kept by it, so until then it can be taken back.'
  return `${again}${again ? 'It' : 'it'} counts from ${minuteOf(effectiveAt)} on. ${why}`
}

/** Prints the policies that hold, and what does not count yet. */
export function showPolicies(environment: Environment, { json }: As): Promise<number> {
  return withKeeperOrReader(environment, async (database) => {
    const policies = await listPolicies(database)
    const width = Math.max(...policies.map(({ actions }) => actions.length), 'actions'.length)
    const rows = policies.map((policy) => `${policy.actions.padEnd(width)}  ${lineOf(policy)}`)
    const head = `${'actions'.padEnd(width)}  ${'kept'.padEnd(14)}  ${'counts'.padEnd(26)}  said by`
    say(json, policies, rows.length > 0 ? [head, ...rows] : [NONE])
    return DONE
  })
}

const NONE = 'There are no policies: everything is kept forever.'

function lineOf({ keep, removed, inForce, countsAt, setBy }: Policy): string {
  const kept = removed ? 'by the others' : keptFor(keep)
  const when = countsAt === null ? '' : `${inForce ? 'since' : 'from'} ${minuteOf(countsAt)}`
  return `${kept.padEnd(14)}  ${(when || 'not logged yet').padEnd(26)}  ${setBy}`
}

const keptFor = (keep: string | null) => (keep === null ? 'forever' : `for ${keep}`)

/** `2026-12-04 10:41 UTC` */
function minuteOf(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
