/** The Unix milliseconds that a UUIDv7 begins with (RFC 9562, section 5.7). */
export function recordedMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
