import fs from 'node:fs'
import tty from 'node:tty'

/** What the output is laid out for. */
export const COLUMNS = 100

const terminal = process.stdout instanceof tty.WriteStream ? process.stdout : undefined

/** Whether a line can be written over. */
export const isLive = terminal !== undefined && process.env['TERM'] !== 'dumb'

const painter = (isOn: boolean) => {
  const paint = (open: number, close: number) => (text: string) =>
    isOn ? `\x1b[${open}m${text}\x1b[${close}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  }
}
export type Paint = ReturnType<typeof painter>

/** For our own output. Node's own answer minds NO_COLOR and TERM. */
export const paint: Paint = painter(terminal?.hasColors() ?? false)
/** For text that goes elsewhere. */
export const plain: Paint = painter(false)

export const { bold, dim, red, green } = paint

export function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Writes over the line that the cursor is in. */
export function overwrite(text: string): void {
  process.stdout.write(`\r\x1b[K${text}`)
}

export const number = (value: number) => value.toLocaleString('en-US')

/** Cut to a length, with a sign that it was. */
export function cut(text: string, columns: number): string {
  const characters = [...text] // not in the middle of an emoji
  return characters.length > columns ? `${characters.slice(0, columns - 1).join('')}…` : text
}

export function took(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** The last lines of a log, each no longer than the terminal's. */
export function tail(file: string): string {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8)
  return `The end of ${file}:\n${lines.map((line) => `  ${cut(line, COLUMNS - 2)}`).join('\n')}`
}
