// Next's edge runtime gets this in the place of the package: the condition `edge-light` of its
// exports. CommonJS, so that a bundler lets every name be imported from it.
throw new Error(
  "audit-outbox needs Node, and this file runs on Next's edge runtime. Remove " +
    "`export const runtime = 'edge'` from the route, or import the audit in Node's files alone.",
)
