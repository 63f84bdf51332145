import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { databaseUrl, TEMPLATE_DATABASE, TEST_PREFIX, TEST_ROLES, testLogin } from './server.ts'

type Phase = <T>(what: string, work: () => Promise<T>) => Promise<T>

/**
 * Makes what tests need on a server: a migrated template database, and a login for each role.
 *
 * Only one run uses a server at a time, because the template's name is fixed, roles belong to the
 * whole server, and statements about roles fail if sessions run them at once. The run holds a lock
 * until it calls the returned function, which also drops the run's databases.
 */
export async function prepareServer(server: string, phase: Phase) {
  const admin = postgres(server, { max: 1, onnotice: () => {} })
  const release = async ({ keepDatabases = false } = {}) => {
    try {
      if (!keepDatabases) await dropTestDatabases(admin)
    } finally {
      await admin.end({ timeout: 1 })
    }
  }
  try {
    await phase('Waiting for another test run on this server', () => lock(admin))
  } catch (error) {
    await admin.end({ timeout: 1 })
    throw error
  }
  try {
    await dropTestDatabases(admin)
    await phase('Migrating the template database', () => makeTemplate(admin, server))
    for (const role of TEST_ROLES) await makeLogin(admin, testLogin(role, server), role)
  } catch (error) {
    await release()
    throw error
  }
  return release
}

async function lock(admin: postgres.Sql): Promise<void> {
  await admin`select pg_advisory_lock(hashtextextended('audit_test', 0))`
}

async function dropTestDatabases(admin: postgres.Sql): Promise<void> {
  const leftovers = await admin`
    select datname as name from pg_database where starts_with(datname, ${TEST_PREFIX})`
  for (const { name } of leftovers) await admin`drop database ${admin(name)} with (force)`
}

async function makeTemplate(admin: postgres.Sql, server: string): Promise<void> {
  await admin`create database ${admin(TEMPLATE_DATABASE)} template template0 encoding 'UTF8'`
  await migrateDatabase({ databaseUrl: databaseUrl(TEMPLATE_DATABASE, server) })
  // A database cannot be copied while somebody is connected to it.
  await admin`alter database ${admin(TEMPLATE_DATABASE)} with allow_connections false`
}

async function makeLogin(
  admin: postgres.Sql,
  login: { name: string; password: string },
  role: string,
): Promise<void> {
  const name = admin(login.name)
  const found = await admin`select from pg_roles where rolname = ${login.name}`
  if (found.length === 0) await admin`create role ${name} login`
  // A role statement takes no parameters. The password is base64url, so it needs no quoting.
  await admin`alter role ${name} with login password ${admin.unsafe(`'${login.password}'`)}`
  await admin`grant ${admin(role)} to ${name}`
}
