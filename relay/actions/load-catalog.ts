import { statSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AnyCatalog, isCatalog } from '../../src/actions/define-actions.ts'
import { optionInvalid } from '../../src/errors.ts'

const USUAL_NAMES = ['default', 'actions']
const MAX_MESSAGE_CHARACTERS = 500

/**
 * Imports an ES module (or a CommonJS one) and returns the catalogue that it exports: as `default`,
 * else as `actions`, else the only one. Importing runs the module.
 *
 * @param file the path of a file, relative to the current folder
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export async function loadCatalog(file: string): Promise<AnyCatalog> {
  const found = path.resolve(file)
  if (!statSync(found, { throwIfNoEntry: false })?.isFile()) {
    throw optionInvalid(`There is no file ${found}. Give the module that exports the catalogue.`)
  }
  return catalogIn(await importModule(found), file)
}

async function importModule(file: string): Promise<object> {
  try {
    return await import(pathToFileURL(file).href)
  } catch (error) {
    if (Reflect.get(Object(error), 'code') === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw optionInvalid(
        `This Node cannot load ${file}. Give the compiled file, use Node 22.18 or newer for ` +
          'TypeScript, or set NODE_OPTIONS="--import tsx" with tsx installed.',
      )
    }
    const said = error instanceof Error ? error.message : String(error)
    throw optionInvalid(`${file} cannot be loaded: ${said.slice(0, MAX_MESSAGE_CHARACTERS)}`)
  }
}

function catalogIn(module: object, file: string): AnyCatalog {
  const found = Object.entries(module).filter(([, value]) => isCatalog(value))
  const usual = USUAL_NAMES.flatMap((name) => found.filter(([found]) => found === name))
  const [chosen] = usual.length > 0 ? usual : found
  const isOne = usual.length > 0 || new Set(found.map(([, value]) => value)).size === 1
  if (chosen !== undefined && isOne) return chosen[1] as AnyCatalog
  const names = (found.length > 0 ? found : Object.entries(module)).map(([name]) => name)
  const listed = names.length > 0 ? names.join(', ') : 'nothing'
  throw optionInvalid(
    found.length > 0
      ? `${file} exports several catalogues: ${listed}. Export one of them as "actions".`
      : `${file} exports no catalogue. Export what defineActions() returned. It exports ${listed}.`,
  )
}
