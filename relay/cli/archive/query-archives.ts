import { type ArchiveFilter, queryArchives as find } from '../../archive/query-archives.ts'

const DONE = 0

/** Prints what archived files hold of a user, a target or an action. */
export async function queryArchives(folder: string, filter: ArchiveFilter): Promise<number> {
  for await (const line of find(folder, filter)) {
    if (!process.stdout.write(line)) {
      await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  }
  return DONE
}
