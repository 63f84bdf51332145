import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { whenWeEnd } from './when-we-end.ts'

export interface SmallDisk {
  /** An empty folder for a tablespace, which belongs to the server's user. */
  readonly folder: string
  /** Fills the disk to the last byte. */
  fill(): void
  free(): void
}

/**
 * Mounts a file system of a few MiB in memory, for a server that runs as the owner of `dataDir`.
 * Unmounted after the test. Only root can mount it. Otherwise the test is skipped and the result is
 * undefined.
 */
export function smallDisk(
  t: TestContext,
  dataDir: string,
  mebibytes: number,
): SmallDisk | undefined {
  if (process.getuid?.() !== 0 || process.platform !== 'linux') {
    t.skip('a small disk needs root on Linux')
    return undefined
  }
  const mount = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', mount])
  if (mounted.status !== 0) {
    fs.rmdirSync(mount)
    t.skip('a small disk cannot be mounted here')
    return undefined
  }
  const callOff = whenWeEnd('umount -l "$0"; rmdir "$0"', mount)
  t.after(() => {
    spawnSync('umount', ['-l', mount])
    fs.rmdirSync(mount)
    callOff()
  })
  fs.chmodSync(mount, 0o711)
  const { uid, gid } = fs.statSync(dataDir)
  const folder = path.join(mount, 'space')
  fs.mkdirSync(folder, { mode: 0o700 })
  fs.chownSync(folder, uid, gid)
  const ballast = path.join(mount, 'ballast')
  return { folder, fill: () => fillWith(ballast), free: () => fs.rmSync(ballast) }
}

function fillWith(file: string): void {
  const handle = fs.openSync(file, 'a')
  try {
    for (const size of [64 * 1024, 4 * 1024]) {
      const chunk = Buffer.alloc(size)
      while (canWrite(handle, chunk));
    }
  } finally {
    fs.closeSync(handle)
  }
}

function canWrite(handle: number, chunk: Buffer): boolean {
  try {
    return fs.writeSync(handle, chunk) === chunk.length
  } catch {
    return false
  }
}
