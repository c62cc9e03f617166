/**
 * What a chat can be told when it is made.
 *
 * @typedef {object} RoomcastOptions
 * @property {string} [name] - that the other members see
 * @property {string} [client] - a random id that you store: all connections with it are one user. Keep it secret
 * @property {string | import("../transport/connection.js").TokenSource} [token] - proves who the user is, for a server that requires it
 * @property {number} [heartbeat] - milliseconds without a frame before a ping. Default 120,000 to 150,000 in a room
 *   where something has happened since the last ping, and 8 to 9 minutes elsewhere: a dead socket is found as late
 * @property {number} [lifetime] - milliseconds before another socket takes over, because API Gateway cuts this one
 *   at two hours; default 1 h 50 min, less up to 5% at random so that many clients do not move at once
 * @property {import("../transport/browser.js").Store | null} [storage] - keeps unsent messages over a page
 *   reload; default sessionStorage. null: they are not kept
 * @property {import("./sending/tab-lock.js").Locks} [locks] - navigator.locks: tabs share the `storage`
 * @property {import("../transport/socket.js").WebSocketClass} [WebSocket] - default the global one
 * @property {import("../transport/clock.js").Clock} [clock] - for tests
 * @property {() => number} [random] - for tests; default Math.random
 */

export {};
