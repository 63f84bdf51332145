/**
 * What this process has computed so far, in milliseconds. For bounds on work in one go: wall-clock
 * time would count what else the machine does.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
