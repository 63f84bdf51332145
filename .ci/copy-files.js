// What is read and not compiled goes into the package: the migrator's SQL and journal, and what the
// timeline page sends to browsers. Texts for contributors stay here, and drizzle-kit's snapshots.
import { cpSync } from 'node:fs'

cpSync('src', 'dist/src', {
  recursive: true,
  filter: (path) => !/(?:\.ts|\.md|_snapshot\.json|[jt]sconfig\.json)$/.test(path),
})
