import fs from 'node:fs'
import path from 'node:path'

/** What one start leaves for the next one. */
export interface DevMemory {
  /** Of the page. */
  readonly token?: string
  readonly port?: number
  readonly pagePort?: number
}

const FILE = 'dev.json'
/** What the first start leaves there, also where it ended before it was done. */
const OURS = /^(?:\.gitignore|dev\.json|postgres(?:\..*)?)$/

/** The folder of `audit-relay dev` in a project. Git ignores it, because it says so itself. */
export class DevFolder {
  readonly #dir: string

  /** @throws {Error} where the folder holds something else */
  constructor(dir: string) {
    this.#dir = dir
    fs.mkdirSync(dir, { recursive: true })
    const ignore = path.join(dir, '.gitignore')
    const files = fs.readdirSync(dir)
    if (!files.every((file) => OURS.test(file))) {
      throw new Error(`${dir} holds something else. Give another folder with --dir.`)
    }
    if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, '*\n')
  }

  /** Empty before the first start, and where the file was damaged. */
  read(): DevMemory {
    try {
      const { token, port, pagePort } = JSON.parse(
        fs.readFileSync(path.join(this.#dir, FILE), 'utf8'),
      )
      return {
        ...(typeof token === 'string' && { token }),
        ...(Number.isInteger(port) && { port }),
        ...(Number.isInteger(pagePort) && { pagePort }),
      }
    } catch {
      return {}
    }
  }

  write(memory: DevMemory): void {
    fs.writeFileSync(path.join(this.#dir, FILE), `${JSON.stringify(memory)}\n`, { mode: 0o600 })
  }
}
