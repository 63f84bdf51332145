import { start } from './app.cjs'

start(process.argv[2] ?? 'express').then(({ url }) => console.log(url))
