import { spawn } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Runs a shell script after this process has ended, even by SIGKILL. A shell waits for the end of
 * its input, because the pipes of a killed process close too. Ctrl-C does not reach the shell, and
 * it does not keep this process alive.
 *
 * @param args the script's `$0`, `$1` and so on
 * @returns a function that calls the script off
 */
export function whenWeEnd(script: string, ...args: readonly string[]): () => void {
  const shell = spawn('/bin/sh', ['-c', `read -r _ || { ${script}; }`, ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
  })
  const { stdin } = shell
  stdin.on('error', () => {}) // the shell ended because it was called off
  shell.unref()
  // A pipe to a child is a socket, although its type does not say so.
  if (stdin instanceof Socket) stdin.unref()
  return () => stdin.end('called off\n')
}
