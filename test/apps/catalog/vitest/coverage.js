import { assertCovered, startCoverage } from 'audit-outbox/testing'

// For a run without the command. Each needs its reason.
const exempt = process.env.EXEMPT ? { 'DELETE /events/:eventId': process.env.EXEMPT } : {}
export const setup = () => void startCoverage()
export const teardown = () => assertCovered({ exempt })
