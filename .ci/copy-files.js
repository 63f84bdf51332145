// Copies files into the package that are read and not compiled: the migrator's SQL and journal, and
// the files that the timeline page sends to browsers. It leaves out texts for contributors and
// drizzle-kit's snapshots.
import { cpSync } from 'node:fs'

cpSync('src', 'dist/src', {
  recursive: true,
  filter: (path) => !/(?:\.ts|\.md|_snapshot\.json|[jt]sconfig\.json)$/.test(path),
})
