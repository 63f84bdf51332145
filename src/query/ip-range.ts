import { isIP } from 'node:net'
import type { IpRange } from './log-query.ts'

/** Reads `10.0.0.5`, `10.0.0.0/8`, `10.0.*` or the same of version 6. */
export function ipRange(text: string): IpRange | undefined {
  const [address = '', bits, more] = wholeOctets(text).split('/')
  const version = isIP(address)
  if (more !== undefined || (version !== 4 && version !== 6) || address.includes('%')) {
    return undefined
  }
  const most = version === 4 ? 32 : 128
  if (bits === undefined) return rangeOf(version, address, most)
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) return undefined
  return rangeOf(version, address, Number(bits))
}

/** An address of version 4 that is written as one of version 6, as Node does, is one of version 4. */
function rangeOf(version: 4 | 6, address: string, bits: number): IpRange {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined && bits >= 96) {
    return { version: 4, cidr: `${mapped}/${bits - 96}` }
  }
  return { version, cidr: `${address.toLowerCase()}/${bits}` }
}

/** `10.0.*` as `10.0.0.0/16`. */
function wholeOctets(text: string): string {
  const octets = /^(\d{1,3}(?:\.\d{1,3}){0,2})\.\*$/.exec(text)?.[1]?.split('.')
  if (octets === undefined) return text
  return `${[...octets, '0', '0', '0'].slice(0, 4).join('.')}/${octets.length * 8}`
}
