// What a serverless platform gives Next: it keeps the function running until `waitUntil` has settled,
// and freezes it then. This one says when that is.
if (process.env.WITH_PLATFORM) {
  globalThis[Symbol.for('@next/request-context')] = {
    get: () => ({
      waitUntil: (promise) => promise.finally(() => console.log('the function may be frozen')),
    }),
  }
}
