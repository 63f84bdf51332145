// pg, where the application has changed how numbers, times and arrays are read.
import pg from 'pg'
import { databaseUrl, tryLayer } from './layer.js'
import { layerOn } from './pg.js'

const TEXT = 25
/** As with a library for decimals: an object, and no JavaScript number. */
const objects = {
  getTypeParser: (oid: number) => (text: string) =>
    oid === TEXT || !/^-?[\d.]+$/.test(text) ? text : { toString: () => text },
}
const everythingAsText = { getTypeParser: () => (text: string) => text }

for (const one of [objects, everythingAsText]) {
  const options = { connectionString: databaseUrl, max: 1, types: one as pg.CustomTypesConfig }
  await tryLayer(() => layerOn(new pg.Pool(options)))
}
