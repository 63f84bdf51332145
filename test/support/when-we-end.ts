import { spawn } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Runs a shell script once this process has ended, however it did: by SIGKILL, too. Of all that a
 * killed process leaves behind, what tells others is that its pipes close: a shell waits for that.
 * It hears no Ctrl-C, and it does not keep this process alive.
 *
 * @param args the script's `$0`, `$1` and so on
 * @returns calls it off
 */
export function whenWeEnd(script: string, ...args: readonly string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', `read -r _ || { ${script}; }`, ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  const { stdin } = shell
  stdin.on('error', () => {}) // the shell has gone, as it was told
  shell.unref()
  // A pipe to a child is a socket, although its type does not say so.
  if (stdin instanceof Socket) stdin.unref()
  return () => stdin.end('called off\n')
}
