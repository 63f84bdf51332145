import fs from 'node:fs'
import path from 'node:path'
import { ROOT } from '../support/commands.ts'
import { NODE_MAJORS, type NodeMajor } from '../support/node-home.ts'

const APPS = path.join(ROOT, 'test', 'apps')

/** The applications: each folder of test/apps, in the order of their names. */
export function appNames(): readonly string[] {
  return fs
    .readdirSync(APPS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

/** Copies an application, without what was installed or built next to it. */
export function copyApp(app: string, folder: string): void {
  fs.cpSync(path.join(APPS, app), folder, {
    recursive: true,
    filter: (source) => !/^(?:node_modules|dist|\.next)$/.test(path.basename(source)),
  })
}

/**
 * The oldest Node that is tested and that the `engines` of an application take.
 *
 * @returns undefined where they take the Node that runs this
 */
export function nodeOfApp(app: string): NodeMajor | undefined {
  const manifest = JSON.parse(fs.readFileSync(path.join(APPS, app, 'package.json'), 'utf8'))
  const { node: range = '' }: { node?: string } = manifest.engines ?? {}
  if (range === '') return undefined
  const [, least] = /^>=(\d+)$/.exec(range) ?? []
  if (least === undefined) {
    throw new Error(`test/apps/${app}: engines.node must be ">=" and a major, not "${range}".`)
  }
  if (Number.parseInt(process.versions.node, 10) >= Number(least)) return undefined
  const found = NODE_MAJORS.find((major) => major >= Number(least))
  if (found === undefined) throw new Error(`test/apps/${app}: no Node ${range} is tested.`)
  return found
}
