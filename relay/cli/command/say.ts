/** Prints what a command found: JSON for machines, or lines for people. */
export function say(json: boolean, found: unknown, lines: readonly string[]): void {
  const text = json ? printable(found) : lines.join('\n')
  process.stdout.write(`${text}\n`)
}

/** JSON without characters that control a terminal, reverse its text or cannot be seen. */
export function printable(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from({ length: character.length }, (_, at) => {
        return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
      }).join(''),
  )
}
