/**
 * `node:http`, not by an `import`: that evaluates every export of the module, among them those that load the whole of `fetch`, which
 * makes 12 MB of resident memory (Node 24, lib/http.js).
 */
export const http = process.getBuiltinModule('node:http');
