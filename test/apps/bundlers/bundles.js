// Each way to bundle function.js. With the options that a newcomer would give, and no more.
import path from 'node:path'
import { promisify } from 'node:util'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import webpack from 'webpack'

const ENTRY = path.resolve('function.js')

/** Each writes one file, whose name says whether it is an ES module. */
export const BUNDLES = {
  'esbuild to an ES module': (folder) => esbuildTo(`${folder}/function.mjs`, { format: 'esm' }),
  'esbuild to CommonJS': (folder) => esbuildTo(`${folder}/function.cjs`, { format: 'cjs' }),
  'esbuild to an ES module, minified': (folder) =>
    esbuildTo(`${folder}/function.mjs`, { format: 'esm', minify: true }),
  'esbuild to CommonJS, minified': (folder) =>
    esbuildTo(`${folder}/function.cjs`, { format: 'cjs', minify: true }),
  'webpack to CommonJS': (folder) =>
    webpackTo({
      output: { path: folder, filename: 'function.cjs', library: { type: 'commonjs2' } },
    }),
  'webpack to an ES module, for development': (folder) =>
    webpackTo({
      mode: 'development',
      devtool: false,
      experiments: { outputModule: true },
      output: { path: folder, filename: 'function.mjs', library: { type: 'module' } },
    }),
  'vite, everything in the bundle': (folder) => viteTo(folder, { noExternal: true }),
}

/** It needs node_modules, and so stays in the folder of the application. */
export function viteWithPackagesOutside(folder) {
  return viteTo(folder, {})
}

async function esbuildTo(outfile, options) {
  const common = { entryPoints: [ENTRY], bundle: true, platform: 'node', logLevel: 'silent' }
  const { warnings } = await esbuild({ ...common, outfile, ...options })
  return warnings.map(({ text, location }) => `${location?.file}: ${text}`)
}

async function webpackTo(options) {
  const common = { entry: ENTRY, mode: 'production', target: 'node20' }
  const stats = await promisify(webpack)({ ...common, ...options })
  if (stats.hasErrors()) throw new Error(stats.toString({ all: false, errors: true }))
  return stats
    .toJson({ all: false, warnings: true })
    .warnings.map(({ moduleName, message }) => `${moduleName}: ${message}`)
}

async function viteTo(outDir, ssr) {
  const warnings = []
  await vite({
    configFile: false,
    logLevel: 'silent',
    ssr,
    build: {
      ssr: ENTRY,
      outDir,
      emptyOutDir: false,
      rollupOptions: {
        output: { entryFileNames: 'function.mjs' },
        onwarn: ({ message }) => warnings.push(message),
      },
    },
  })
  return warnings
}
