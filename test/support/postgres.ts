import * as own from '../../relay/dev/dev-server.ts'
import { NEWEST_POSTGRES, nativeOf, type PostgresMajor } from './postgres-home.ts'

export type Postgres = own.DevServer

export interface PostgresOptions extends Omit<own.DevServerOptions, 'native'> {
  /** @default 18 */
  major?: PostgresMajor
}

/** As `audit-relay dev` starts a server, of any supported version. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const { major = NEWEST_POSTGRES, ...rest } = options
  return await own.startDevServer({ ...rest, native: nativeOf(major, options.say ?? (() => {})) })
}
