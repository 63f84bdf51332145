const leaving = new Set<() => void>()

/**
 * Has `leave` called when the process ends, also by `process.exit()`, an uncaught exception or an
 * unhandled rejection. It may do nothing that has to be waited for, and must not throw.
 */
export function callAtExit(leave: () => void): void {
  // One listener for all recorders, because Node warns of many.
  if (!process.listeners('exit').includes(leaveAll)) process.on('exit', leaveAll)
  leaving.add(leave)
}

export function callNoMoreAtExit(leave: () => void): void {
  leaving.delete(leave)
}

function leaveAll(): void {
  for (const leave of leaving) leave()
}
