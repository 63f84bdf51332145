import { createInterface } from 'node:readline/promises'
import { Database } from '../../../src/database/connection.ts'
import { AuditError, optionInvalid } from '../../../src/errors.ts'
import { type Environment, readConfig } from '../../config.ts'
import { eraseEntries, eraseUser } from '../../erase/erase-entries.ts'
import { ErasureFile } from '../../erase/erasure-file.ts'
import { COMMITTED_FIELDS, type CommittedField } from '../../../src/seal/leaf.ts'
import { Erasures, holdOf } from '../../erase/erasures.ts'
import { type Scrubbed, scrub } from '../../erase/scrub.ts'
import { surveyUser } from '../../erase/survey.ts'
import { ArchiveMeter } from '../archive/archive-meter.ts'
import { untilSignal } from '../archive/until-signal.ts'
import { misuse } from '../command/misuse.ts'
import { say } from '../command/say.ts'
import { elsewhereText, leftText, plannedText, type Plan } from './erase-text.ts'

const DONE = 0
const HELD = 4
const INVALID_PARAMETER = '22023'
const STATEMENT_TIMEOUT_MS = 60_000
/** A partition is rewritten in one statement. */
const SCRUB_TIMEOUT_MS = 6 * 3_600_000

export interface EraseRequest {
  readonly what: { readonly user: string } | { readonly seqs: readonly number[] }
  readonly fields: readonly CommittedField[] | undefined
  readonly reason: string
  readonly isDry: boolean
  readonly scrubs: boolean
  readonly isSure: boolean
  readonly isJson: boolean
}

/** Shows what an erasure would empty, or does it. @returns 4 where a legal hold forbids it */
export async function runErase(environment: Environment, request: EraseRequest): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'eraser')
  const stateDir = environment['AUDIT_STATE_DIR']?.trim() || undefined
  const open = (statementTimeoutMs: number) =>
    new Database({
      url: databaseUrl,
      role: 'audit_eraser',
      applicationName: 'audit-relay erase',
      statementTimeoutMs,
    })
  return await untilSignal(async (signal) => {
    const database = open(Math.max(limits.statementTimeoutMs, STATEMENT_TIMEOUT_MS))
    const meter = new ArchiveMeter(process.stderr, { isQuiet: false })
    try {
      return await new EraseRun({ request, database, meter, signal, stateDir, open }).run()
    } finally {
      meter.end()
      await database.close()
    }
  })
}

interface RunParts {
  readonly request: EraseRequest
  readonly database: Database
  readonly meter: ArchiveMeter
  readonly signal: AbortSignal
  readonly stateDir: string | undefined
  open(statementTimeoutMs: number): Database
}

class EraseRun {
  readonly #parts: RunParts
  readonly #erasures: Erasures

  constructor(parts: RunParts) {
    this.#parts = parts
    this.#erasures = new Erasures(parts.database)
  }

  async run(): Promise<number> {
    const { request, meter } = this.#parts
    const plan = await this.#plan()
    meter.end()
    if (request.isDry) {
      say(request.isJson, plan, [...plannedText(plan), '', ...elsewhereText(plan)])
      return plan.held.length > 0 ? HELD : DONE
    }
    if (plan.held.length > 0) {
      say(request.isJson, { ...plan, erased: 0 }, plannedText(plan))
      return HELD
    }
    if (plan.entries > 0 && !(await this.#isAgreed(plan))) {
      process.stderr.write('Nothing was erased.\n')
      return DONE
    }
    return await this.#erase(plan)
  }

  async #plan(): Promise<Plan> {
    const { request, meter, signal } = this.#parts
    const { what } = request
    if ('seqs' in what) return await this.#planEntries(what.seqs)
    const onLooked = (looked: number) => meter.now(`${looked} entries looked through`)
    try {
      return { ...(await surveyUser(this.#erasures, what.user, { signal, onLooked })), what }
    } catch (error) {
      if (!wasRefused(error)) throw error
      throw optionInvalid(
        '--user is no UUID, and the ids of this log are UUIDs: no entry can have it. Look up the id in ' +
          'the log.',
      )
    }
  }

  async #planEntries(seqs: readonly number[]): Promise<Plan> {
    const { fields = COMMITTED_FIELDS } = this.#parts.request
    const found = await this.#erasures.entries(seqs)
    const known = new Set(found.map(({ seq }) => seq))
    const unknown = seqs.filter((seq) => !known.has(seq))
    if (unknown.length > 0) {
      throw optionInvalid(
        `The log has no entry ${unknown.slice(0, 10).join(', ')}. Nothing was erased.`,
      )
    }
    const own = found.find(({ isErasable }) => !isErasable)
    if (own !== undefined) {
      throw optionInvalid(
        `Entry ${own.seq} is one of the log's own (${own.action}), which are not erased: of those only ` +
          'audit.read, audit.read_denied, audit.view_save and audit.view_remove can be. Nothing was erased.',
      )
    }
    const full = found.filter(({ present }) => fields.some((field) => present.includes(field)))
    return {
      what: { seqs },
      entries: full.length,
      held: found.flatMap(({ seq, hold }) => (hold === null ? [] : [{ seq, hold }])),
    }
  }

  /** @throws {AuditError} `AUDIT_OPTION_INVALID` without a terminal to ask on */
  async #isAgreed(plan: Plan): Promise<boolean> {
    if (this.#parts.request.isSure) return true
    for (const line of plannedText(plan)) process.stderr.write(`${line}\n`)
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      throw misuse('There is no terminal to ask on: erase needs --yes here. Nothing was erased.')
    }
    const asked = createInterface({ input: process.stdin, output: process.stderr })
    try {
      const answer = await asked.question('Nobody can bring it back. Erase it now? [y/N] ')
      return /^y(?:es)?$/i.test(answer.trim())
    } finally {
      asked.close()
    }
  }

  async #erase(plan: Plan): Promise<number> {
    const { request, meter, signal, stateDir } = this.#parts
    const { what, fields, reason, isJson, scrubs } = request
    const file = stateDir === undefined ? undefined : await ErasureFile.open(stateDir)
    let erasedSoFar = 0
    const options = {
      ...{ reason, file, signal, fields },
      onErased: (erased: number) => {
        erasedSoFar = erased
        meter.now(`${erased} of ${plan.entries} entries erased`)
      },
      onWait: (why: string) =>
        meter.now(`${erasedSoFar} of ${plan.entries} entries erased; waiting: ${why}`),
    }
    try {
      const erased =
        'user' in what
          ? await eraseUser(this.#erasures, what.user, options)
          : await eraseEntries(this.#erasures, what.seqs, {
              ...options,
              fields: fields ?? COMMITTED_FIELDS,
            })
      // Behind the entries, so that nothing collects a name again that was just erased.
      const takesNames = 'user' in what && (fields === undefined || fields.includes('context'))
      if (takesNames) await this.#erasures.eraseLabels(what.user)
      if (takesNames) await this.#erasures.eraseViews(what.user)
      const names = takesNames ? (plan.elsewhere?.labels ?? 0) : 0
      const scrubbed = scrubs ? await this.#scrub() : undefined
      meter.end()
      const noted = file === undefined ? [NOT_NOTED] : []
      const done = { ...plan, erased, names, ...(scrubbed === undefined ? {} : { scrubbed }) }
      say(isJson, done, [
        erased === 1 ? '1 entry erased.' : `${erased} entries erased.`,
        ...(names > 0 ? [`${names === 1 ? '1 name' : `${names} names`} of the user erased.`] : []),
        ...noted,
        '',
        ...elsewhereText(plan),
        ...leftText(scrubbed),
      ])
      return DONE
    } catch (error) {
      const hold = holdOf(error)
      if (hold === undefined) throw error
      meter.end()
      process.stderr.write(
        `audit-relay: the legal hold ${hold} was placed meanwhile. ${erasedSoFar} entries were erased before.\n`,
      )
      return HELD
    }
  }

  async #scrub(): Promise<Scrubbed> {
    const { meter, signal, open } = this.#parts
    const database = open(SCRUB_TIMEOUT_MS)
    try {
      return await scrub(database, {
        signal,
        onTable: (place, bytes) => meter.now(`rewriting ${place} (${(bytes / 1e6).toFixed(1)} MB)`),
        onWait: (why) => meter.now(`waiting to rewrite: ${why}`),
      })
    } finally {
      await database.close()
    }
  }
}

const NOT_NOTED =
  'AUDIT_STATE_DIR is not set, so nothing outside of the database knows it: a restore of an older copy ' +
  'brings it back.'

/** Whether a function of ours refused what it was given. */
function wasRefused(error: unknown): boolean {
  const { fault } = error instanceof AuditError ? error : {}
  return fault?.code === INVALID_PARAMETER && fault.routine === 'exec_stmt_raise'
}
