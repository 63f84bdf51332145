import fs from 'node:fs'

// Linux counts in hundredths of a second.
const TICK_MS = 10

/** What a process and its children, also those that have ended, have computed so far. */
export function cpuOfTreeMs(pid: number): number {
  let ticks = 0
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = statOf(name)
    const isParent = Number(name) === pid
    if (!isParent && Number(stat[1]) !== pid) continue
    // utime and stime; the parent's cutime and cstime are those of its ended children.
    for (const at of isParent ? [11, 12, 13, 14] : [11, 12]) ticks += Number(stat[at] ?? 0)
  }
  return ticks * TICK_MS
}

/** The fields of /proc/PID/stat behind the command's name; none of a process that has ended. */
function statOf(pid: string): readonly string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  } catch {
    return []
  }
}

/** What the main thread of a process has computed so far, in microseconds. */
export function cpuUs(process: number | 'self'): number {
  return Number(fs.readFileSync(`/proc/${process}/schedstat`, 'utf8').split(' ')[0]) / 1_000
}
