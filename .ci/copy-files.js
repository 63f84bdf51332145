// What is read and not compiled goes into the package: the migrator's SQL and journal, and what the
// timeline page sends to browsers. drizzle-kit's snapshots, which only it needs, stay here.
import { cpSync } from 'node:fs'

for (const folder of ['src/schema/migrations', 'src/page/client']) {
  cpSync(folder, `dist/${folder}`, {
    recursive: true,
    filter: (path) => !path.endsWith('_snapshot.json'),
  })
}
