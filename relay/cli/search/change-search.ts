import type { Environment } from '../../config.ts'
import {
  type SearchSince,
  type SearchState,
  searchOff,
  searchOn,
  searchState,
} from '../../search/search-settings.ts'
import { say } from '../command/say.ts'
import { withKeeper, withKeeperOrReader } from '../life/with-keeper.ts'

const DONE = 0
const FAILED = 1

interface As {
  readonly json: boolean
}

export function turnOn(
  environment: Environment,
  since: SearchSince,
  { json }: As,
): Promise<number> {
  return withKeeper(environment, async (database) => {
    const sinceSeq = await searchOn(database, since)
    say(json, { sinceSeq }, [
      `The search is on from seq ${sinceSeq} on. The relay makes it: see "audit-relay search status".`,
    ])
    return DONE
  })
}

/** @returns 1 where it was off */
export function turnOff(environment: Environment, { json }: As): Promise<number> {
  return withKeeper(environment, async (database) => {
    const wasOn = await searchOff(database)
    say(json, { wasOn }, [
      wasOn ? 'The search is off, and what it held is dropped.' : 'The search is off.',
    ])
    return wasOn ? DONE : FAILED
  })
}

export function showSearch(environment: Environment, { json }: As): Promise<number> {
  return withKeeperOrReader(environment, async (database) => {
    const state = await searchState(database)
    say(json, state ?? null, state === undefined ? ['The search is off.'] : linesOf(state))
    return DONE
  })
}

function linesOf({ sinceSeq, seq, waiting, unmade, bytes, movedAt }: SearchState): string[] {
  return [
    ['from seq', String(sinceSeq)],
    ['up to seq', `${seq}${movedAt === null ? '' : `, at ${movedAt}`}`],
    ['waiting', `${waiting} entries, of which the newest 4,095 always do`],
    ['to be remade', `${unmade} entries, after an erasure or a removal`],
    ['size', `${(bytes / 2 ** 20).toFixed(1)} MiB`],
  ].map(([name = '', value = '']) => `${name.padEnd(14)}${value}`)
}
