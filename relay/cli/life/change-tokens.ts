import { optionInvalid } from '../../../src/errors.ts'
import type { Environment } from '../../config.ts'
import {
  listTokens,
  makeToken,
  revokeToken,
  type Token,
  type TokenTerms,
} from '../../life/tokens.ts'
import { printable, say } from '../command/say.ts'
import { wasRefused, withKeeper } from './with-keeper.ts'

const DONE = 0
const FAILED = 1
const INVALID_PARAMETER = '22023'

interface As {
  readonly json: boolean
}

/** Makes a token, and prints it. Nobody can see it again. */
export function sayToken(
  environment: Environment,
  name: string,
  terms: TokenTerms,
  { json }: As,
): Promise<number> {
  return withKeeper(environment, async (database) => {
    const made = await makeToken(database, name, terms).catch((error: unknown) => {
      if (!wasRefused(error, INVALID_PARAMETER)) throw error
      throw optionInvalid('--until must be later than now, and within five years.')
    })
    const { id, token } = made
    say(json, { id, name, token }, [token])
    if (!json) {
      process.stderr.write(`audit-relay: this is token ${id}. It is not shown again.\n`)
    }
    return DONE
  })
}

/** Prints the tokens in force, oldest first. */
export function showTokens(
  environment: Environment,
  { json, ended }: As & { readonly ended: boolean },
): Promise<number> {
  return withKeeper(environment, async (database) => {
    const tokens = (await listTokens(database, ended)).map((token) => {
      return { ...token, scope: JSON.parse(token.scope) as unknown }
    })
    say(json, tokens, tokens.length > 0 ? tokens.flatMap(linesOf) : ['There are no tokens.'])
    return DONE
  })
}

function linesOf(token: Omit<Token, 'scope'> & { readonly scope: unknown }): readonly string[] {
  const { id, name, scope, perMinute, madeBy, madeAt, expiresAt, usedAt, revokedBy, revokedAt } =
    token
  const end = revokedAt === null ? '' : `, revoked by ${revokedBy} at ${revokedAt}`
  return [
    `${id}  ${printable(name).slice(1, -1)}, ${perMinute} a minute, until ${expiresAt}`,
    `  sees ${printable(scope)}`,
    `  made by ${madeBy} at ${madeAt}, used ${usedAt ?? 'never'}${end}`,
  ]
}

/** Ends a token. @returns 1 where there is none that is not revoked */
export function endToken(environment: Environment, id: string, { json }: As): Promise<number> {
  return withKeeper(environment, async (database) => {
    const revoked = await revokeToken(database, id)
    say(json, { id, revoked }, [
      revoked
        ? `${id} is revoked. The log says so.`
        : `There is no token ${id} that is not revoked.`,
    ])
    return revoked ? DONE : FAILED
  })
}
