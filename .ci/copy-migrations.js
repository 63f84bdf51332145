// What the migrator reads goes into the package: the SQL and the journal. drizzle-kit's snapshots,
// which only it needs, stay here.
import { cpSync } from 'node:fs'

cpSync('src/schema/migrations', 'dist/src/schema/migrations', {
  recursive: true,
  filter: (path) => !path.endsWith('_snapshot.json'),
})
