// Copies files into the package that are read and not compiled: the migrator's SQL and journal, and
// the files that the timeline page sends to browsers. It leaves out texts for contributors,
// drizzle-kit's snapshots, and the functions' own files, whose texts are in the migrations.
import { cpSync } from 'node:fs'

cpSync('src', 'dist/src', {
  recursive: true,
  filter: (path) => !/(?:schema[\\/]functions$|\.ts|\.md|_snapshot\.json|[jt]sconfig\.json)$/.test(path),
})
