import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** A folder in which recorders leave what they could not stage before their process ended. */
export interface DumpFolder {
  readonly path: string
  /**
   * Whether somebody chose it. A folder of our own choice has a name that others know, so it is used
   * only where nobody else can write into it.
   */
  readonly isChosen: boolean
}

const ONLY_OURS = 0o700
const OTHERS_MAY_READ_OR_WRITE = 0o077
const GROUP_MAY_WRITE = 0o020

/**
 * The folder that was chosen, else `audit-outbox-<uid>` in the system's temporary folder. It need not
 * exist yet.
 */
export function dumpFolder(chosen: string | undefined): DumpFolder {
  if (chosen) return { path: path.resolve(chosen), isChosen: true }
  const user = process.getuid?.() ?? os.userInfo().username
  return { path: path.join(os.tmpdir(), `audit-outbox-${user}`), isChosen: false }
}

/** Makes the folder where it is missing, for its user alone. */
export function makeFolder({ path: folder }: DumpFolder): void {
  fs.mkdirSync(folder, { recursive: true, mode: ONLY_OURS })
}

/**
 * Why the folder may not be used; undefined where it may.
 *
 * A chosen folder is trusted: a sidecar with another user id may share it.
 */
export function whyUnfit({ path: folder, isChosen }: DumpFolder): string | undefined {
  const found = fs.lstatSync(folder)
  if (isChosen) return fs.statSync(folder).isDirectory() ? undefined : 'it is no folder'
  if (found.isSymbolicLink()) return 'it is a symbolic link'
  if (!found.isDirectory()) return 'it is no folder'
  if (process.getuid === undefined) return undefined
  if (found.uid !== process.getuid()) return 'it belongs to another user'
  if ((found.mode & OTHERS_MAY_READ_OR_WRITE) !== 0) return 'other users have rights in it'
  return undefined
}

/** A group that may write into a chosen folder holds the sidecar, which has to read the files. */
export function fileMode({ path: folder, isChosen }: DumpFolder): number {
  return isChosen && (fs.statSync(folder).mode & GROUP_MAY_WRITE) !== 0 ? 0o660 : 0o600
}
