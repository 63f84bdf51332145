import type { Environment } from '../../config.ts'
import { readNamesState, turnNamesOff, turnNamesOn } from '../../names/label-statements.ts'
import { say } from '../command/say.ts'
import { withKeeper } from '../life/with-keeper.ts'

const DONE = 0

export function namesOn(environment: Environment, isJson: boolean): Promise<number> {
  return withKeeper(environment, async (database) => {
    await turnNamesOn(database)
    const text = 'On. A relay collects the names; "audit-relay names status" says how far it is.'
    say(isJson, { on: true }, [text])
    return DONE
  })
}

export function namesOff(environment: Environment, isJson: boolean): Promise<number> {
  return withKeeper(environment, async (database) => {
    const forgotten = await turnNamesOff(database)
    say(isJson, { on: false, forgotten }, [
      `Off. ${counted(forgotten, 'name')} forgotten; each entry keeps its own.`,
    ])
    return DONE
  })
}

export function namesStatus(environment: Environment, isJson: boolean): Promise<number> {
  return withKeeper(environment, async (database) => {
    const state = await readNamesState(database)
    const { on, head, seq, names, people } = state
    const behind = (head ?? 0) - (seq ?? 0)
    say(isJson, state, [
      on
        ? `On: ${counted(names, 'name')} of ${counted(people, 'id')}. ` +
          (behind > 0
            ? `${counted(behind, 'number')} of the log to go.`
            : 'All of the log is done.')
        : 'Off: no names are collected. "audit-relay names on" begins.',
    ])
    return DONE
  })
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}
