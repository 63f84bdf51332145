import path from 'node:path'
import { npmFolder } from './npm-folder.ts'

/** The oldest supported version of Node 20, and the newest version of each later major. */
const NODE_VERSIONS = {
  20: '20.19.0',
  22: '22.23.3',
  24: '24.21.0',
  26: '26.12.1',
} as const

export type NodeMajor = keyof typeof NODE_VERSIONS
export const NODE_MAJORS: readonly NodeMajor[] = [20, 22, 24, 26]

/**
 * Installs a Node from npm, at the first call.
 *
 * @returns the folder that its program `node` is in, for the front of a PATH
 */
export function nodeFolder(major: NodeMajor, say: (line: string) => void): string {
  const name = `node-${process.platform}-${process.arch}`
  if (process.platform !== 'linux') {
    throw new Error(
      `npm does not have ${name} in all versions that are tested. Put Node ${major} in front of ` +
        'your PATH, and do not choose a Node for the test.',
    )
  }
  const manifest = npmFolder(`node-${major}`, [`${name}@${NODE_VERSIONS[major]}`], [], say)
  return path.join(path.dirname(manifest), 'node_modules', name, 'bin')
}
