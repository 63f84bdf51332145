/**
 * The bytes of a base64 text. Undefined where it is none, or not the one way to write its bytes: Node
 * skips what it does not know, and then two texts would prove the same.
 */
export function base64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
