import { optionInvalid } from '../../../src/errors.ts'

/** What we use of a connection of DuckDB. */
export type Duck = Awaited<ReturnType<typeof openDuck>>

/**
 * DuckDB reads and writes Parquet. Its limit of memory does not bound a row group, so those are small,
 * and less than 256 MB make it stop in the middle. It downloads no extension.
 */
const SETTINGS = {
  memory_limit: '256MB',
  threads: '2',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
}

/**
 * DuckDB in this process, from a package that is installed by who wants Parquet: it is native code of
 * 70 MB.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where it is not installed
 */
export async function openDuck() {
  const { DuckDBInstance } = await load()
  const instance = await DuckDBInstance.create(':memory:', SETTINGS)
  const connection = await instance.connect()
  const close = () => {
    connection.closeSync()
    instance.closeSync()
  }
  return { connection, close }
}

async function load() {
  try {
    return await import('@duckdb/node-api')
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_MODULE_NOT_FOUND') throw error
    throw optionInvalid(
      'Parquet needs the package @duckdb/node-api next to audit-outbox: run "npm install ' +
        '@duckdb/node-api", or set AUDIT_ARCHIVE=ndjson, which needs nothing.',
    )
  }
}

/** A text as SQL of DuckDB. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
