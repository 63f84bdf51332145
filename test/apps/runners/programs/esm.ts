import { job } from '../job.ts'

console.log(await job(process.argv[2] ?? ''))
