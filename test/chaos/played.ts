import fs from 'node:fs'
import { type Account, readAccount } from './account.ts'
import type { Life } from './keep-alive.ts'
import type { Scene } from './scene.ts'

/** One life of one writer, and what it wrote down. */
export interface Played {
  readonly name: string
  readonly life: Life
  readonly account: Account
}

export function accounts(scene: Scene): Played[] {
  return scene.accountFiles().flatMap(({ writer, life: number, file }) => {
    const account = fs.existsSync(file) ? readAccount(file) : undefined
    const life = writer.lives[number - 1]
    return account && life ? [{ name: `${writer.name}.${number}`, life, account }] : []
  })
}

/** The first few of them, for a message. */
export function some(items: readonly unknown[]): string {
  return items.slice(0, 5).join(', ') + (items.length > 5 ? ' …' : '')
}
