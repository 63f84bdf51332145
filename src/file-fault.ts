/** What a code of the file system means. The name of the file stands before the words. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'cannot be reached, because a part of its path is a file and no folder',
  EISDIR: 'is a folder',
  EACCES: 'is closed to the user of this process',
  EPERM: 'is closed to the user of this process',
  EROFS: 'is on a file system that can only be read',
  ENOSPC: 'is on a disk that is full',
  EDQUOT: 'is on a disk where the quota of this user is used up',
  EFBIG: 'is larger than the file system allows',
  ENAMETOOLONG: 'has a longer name than the file system allows',
  ELOOP: 'cannot be reached, because symbolic links lead in a circle',
  EMFILE: 'cannot be opened, because this process has too many open files',
  ENFILE: 'cannot be opened, because the machine has too many open files',
  EPIPE: 'was closed by its reader',
  EIO: 'cannot be read or written, because the disk fails',
}

/** The code of an error of the file system, or undefined for any other error. */
export function fileCode(error: unknown): string | undefined {
  const { code, syscall } = Object(error) as { code?: unknown; syscall?: unknown }
  return typeof code === 'string' && typeof syscall === 'string' ? code : undefined
}

/** What is wrong with a file, as the end of a sentence that begins with its name. */
export function fileWords(code: string): string {
  return `${WORDS[code] ?? 'cannot be used'} (${code})`
}
