import { defineConfig } from 'drizzle-kit'

// The migrator keeps its own bookkeeping inside our schema, so that nothing of ours stands elsewhere.
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/schema/tables.ts',
  out: './src/schema/migrations',
  schemaFilter: ['audit'],
  migrations: { schema: 'audit', table: 'audit_migrations' },
  dbCredentials: {
    url: process.env['AUDIT_OWNER_DATABASE_URL'] ?? process.env['DATABASE_URL'] ?? '',
  },
})
