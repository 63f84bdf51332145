import { migrateDatabase } from 'audit-outbox'

/** Migrates an empty database. */
export async function POST(request: Request): Promise<Response> {
  const { databaseUrl } = (await request.json()) as { databaseUrl: string }
  const { applied } = await migrateDatabase({ databaseUrl })
  return Response.json({ applied })
}
