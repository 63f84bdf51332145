import fs from 'node:fs'
import tty from 'node:tty'

/** The width of the output, in characters. */
export const COLUMNS = 100

const terminal = process.stdout instanceof tty.WriteStream ? process.stdout : undefined

/** Whether a line can be overwritten. */
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

/** For this process's output. Node's `hasColors` respects NO_COLOR and TERM. */
export const paint: Paint = painter(terminal?.hasColors() ?? false)
/** For text that goes elsewhere. */
export const plain: Paint = painter(false)

export const { bold, dim, red, green } = paint

export function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Overwrites the line of the cursor. */
export function overwrite(text: string): void {
  process.stdout.write(`\r\x1b[K${text}`)
}

export const number = (value: number) => value.toLocaleString('en-US')

/** The text, cut to this many characters. A cut text ends in `…`. */
export function cut(text: string, columns: number): string {
  const characters = [...text] // so that an emoji is not cut in two
  return characters.length > columns ? `${characters.slice(0, columns - 1).join('')}…` : text
}

export function took(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`
}

/** The last eight lines of a log, each cut to the width of the output. */
export function tail(file: string): string {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8)
  return `The end of ${file}:\n${lines.map((line) => `  ${cut(line, COLUMNS - 2)}`).join('\n')}`
}
