import { readFileSync } from 'node:fs'
import { Database } from '../../../src/database/connection.ts'
import { databaseFault, optionInvalid } from '../../../src/errors.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { databaseUrlFor, RECORDER_LIMITS, resolveLimits } from '../../../src/options.ts'
import { type Environment, readConfig, readLimits } from '../../config.ts'
import { ImportStatements } from '../../import/import-statements.ts'
import { digestOf, type Mapping, readMapping } from '../../import/mapping/mapping.ts'
import { openDatabase } from '../../import/reading/old-database.ts'
import { openFiles } from '../../import/reading/old-files.ts'
import type { OldLog } from '../../import/reading/old-rows.ts'
import { previewImport } from '../../import/preview-import.ts'
import { READY_MADE } from '../../import/mapping/ready-made.ts'
import { type RefusedRows, refusedFile, refusedList } from '../../import/refused-rows.ts'
import { runImport } from '../../import/run-import.ts'
import { unlessRefused } from '../command/unless-refused.ts'
import { ImportMeter } from './import-meter.ts'
import { previewJson, previewText, resultJson, resultText } from './import-texts.ts'

const DONE = 0
const FAILED = 1
const FORBIDDEN = 4
/** What a shell says of a process that a signal ended. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const
/** object_not_in_prerequisite_state: another mapping. */
const OTHER_MAPPING = '55000'

export interface ImportCommand {
  readonly map: string
  readonly name: string
  readonly files: readonly string[]
  readonly fromEnv: string | undefined
  readonly query: string | undefined
  readonly timeZone: string | undefined
  readonly refused: string | undefined
  readonly isDryRun: boolean
  readonly isJson: boolean
  readonly isQuiet: boolean
}

export function printMapping(name: string): number {
  process.stdout.write(`${JSON.stringify(READY_MADE[name], undefined, 2)}\n`)
  return DONE
}

export async function importOldLog(
  environment: Environment,
  command: ImportCommand,
): Promise<number> {
  const mapping = mappingFor(command)
  const log = logFor(environment, command, mapping)
  const stopping = stopOnSignals()
  const refused = command.refused
    ? refusedFile(command.refused)
    : refusedList((line) => process.stderr.write(line))
  const job = { command, mapping, log, refused, signal: stopping.signal }
  try {
    const run = command.isDryRun ? preview : bringIn
    return await unlessRefused(() => run(environment, job))
  } catch (error) {
    const ended = stopping.endedBy()
    if (ended === undefined) throw error
    process.stderr.write('Interrupted. The same command goes on behind what is in the log.\n')
    return SIGNAL_CODES[ended]
  } finally {
    stopping.end()
    refused.close()
    await log.close()
  }
}

interface Job {
  readonly command: ImportCommand
  readonly mapping: Mapping
  readonly log: OldLog
  readonly refused: RefusedRows
  readonly signal: AbortSignal
}

async function bringIn(environment: Environment, job: Job): Promise<number> {
  const { command, mapping, log, refused, signal } = job
  const { databaseUrl, limits } = readConfig(environment, 'keeper')
  const database = openLog(databaseUrl, limits.statementTimeoutMs)
  const meter = new ImportMeter(process.stderr, { isQuiet: command.isQuiet })
  const beganMs = performance.now()
  try {
    const result = await runImport({
      ...{ name: command.name, mapping, log, refused, signal },
      statements: new ImportStatements(database, command.name),
      maxEntryBytes: maxEntryBytes(environment),
      onProgress: meter.progress,
      onFailure: meter.failed,
    })
    meter.end()
    const seconds = (performance.now() - beganMs) / 1_000
    const text = command.isJson ? resultJson : resultText
    process.stdout.write(text({ name: command.name, mapping: digestOf(mapping), seconds, result }))
    return result.refused > 0 || result.deadLetters > 0 ? FAILED : DONE
  } catch (error) {
    meter.end()
    if (databaseFault(error).code !== OTHER_MAPPING) throw error
    process.stderr.write(
      `audit-relay: The import "${command.name}" was begun with another mapping, and the same rows ` +
        'would become other entries. Use the mapping of then, or another --name. Nothing was changed.\n',
    )
    return FORBIDDEN
  } finally {
    await database.close()
  }
}

async function preview(environment: Environment, job: Job): Promise<number> {
  const { command, mapping, log, refused, signal } = job
  const meter = new ImportMeter(process.stderr, { isQuiet: command.isQuiet })
  const known = await askLog(environment, command.name)
  const shown = await previewImport({
    ...{ name: command.name, mapping, log, refused, signal },
    ids: known?.ids ?? 'uuid',
    oldest: known?.oldest ?? FIRST_ID,
    maxEntryBytes: maxEntryBytes(environment),
    onProgress: (read) => meter.progress({ read, settled: read, refused: 0, waitingMs: 0 }),
  })
  meter.end()
  const text = command.isJson ? previewJson : previewText
  process.stdout.write(text({ name: command.name, ids: known?.ids, preview: shown }))
  return shown.refused > 0 ? FAILED : DONE
}

const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/** What the log says about itself. A dry run does without where no database is named. */
async function askLog(environment: Environment, name: string) {
  const url = databaseUrlFor('keeper', undefined, environment)
  if (url === undefined) return undefined
  const database = openLog(url, readLimits(environment).statementTimeoutMs)
  try {
    return await new ImportStatements(database, name).state()
  } finally {
    await database.close()
  }
}

function openLog(url: string, statementTimeoutMs: number): Database {
  const applicationName = 'audit-relay import'
  return new Database({ url, role: 'audit_keeper', applicationName, statementTimeoutMs })
}

function maxEntryBytes(environment: Environment): number {
  const { maxEntryBytes: limit } = RECORDER_LIMITS
  return resolveLimits<'maxEntryBytes'>({ maxEntryBytes: limit }, {}, environment).maxEntryBytes
}

function mappingFor({ map, query, timeZone }: ImportCommand): Mapping {
  const text = Object.hasOwn(READY_MADE, map) ? JSON.stringify(READY_MADE[map]) : textOf(map)
  const mapping = readMapping(text, map)
  // Checked as if they stood in the mapping.
  return readMapping(
    JSON.stringify({ ...mapping, ...(query && { query }), ...(timeZone && { timeZone }) }),
    map,
  )
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = fileCode(error)
    if (code === undefined) throw error
    const names = Object.keys(READY_MADE).join(', ')
    throw optionInvalid(`The mapping "${file}" ${fileWords(code)}. Ready-made ones are ${names}.`)
  }
}

function logFor(
  environment: Environment,
  { files, fromEnv }: ImportCommand,
  mapping: Mapping,
): OldLog {
  if (fromEnv === undefined) return openFiles(files, mapping)
  const url = environment[fromEnv]?.trim()
  if (!url) throw optionInvalid(`The variable ${fromEnv} is not set to the URL of a database.`)
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw optionInvalid(`${fromEnv} must begin with postgres://.`)
  }
  return openDatabase({ url, variable: fromEnv, mapping })
}

function stopOnSignals() {
  const halt = new AbortController()
  let endedBy: keyof typeof SIGNAL_CODES | undefined
  const stop = (name: keyof typeof SIGNAL_CODES) => () => {
    endedBy = name
    halt.abort()
  }
  const [interrupt, terminate] = [stop('SIGINT'), stop('SIGTERM')]
  // Once: a second signal ends the process at once.
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', terminate)
  return {
    signal: halt.signal,
    endedBy: () => endedBy,
    end() {
      process.off('SIGINT', interrupt)
      process.off('SIGTERM', terminate)
    },
  }
}
