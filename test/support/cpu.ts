/**
 * The CPU time of this process so far, in milliseconds. Bounds on work use it, because wall-clock
 * time also counts the work of other processes.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
