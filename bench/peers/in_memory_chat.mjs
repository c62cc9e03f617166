// A minimal chat server on node's ws to compare with: one process, nothing stored, no order to keep, no Lambda.
import { WebSocketServer } from "ws";

const rooms = new Map();
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  backlog: 1024,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has("roomcast.v1") ? "roomcast.v1" : false),
});

server.on("connection", (socket, request) => {
  const room = new URL(request.url, "ws://localhost").searchParams.get("room");
  const members = rooms.get(room) ?? rooms.set(room, new Set()).get(room);
  members.add(socket);
  socket.on("close", () => members.delete(socket));
  socket.on("message", (frame) => {
    const { ref, message } = JSON.parse(frame);
    const messages = [{ seq: 1, id: ref, user: "u", name: "n", message }];
    const text = JSON.stringify({ type: "messages", room, messages });
    for (const member of members) member.send(text);
  });
});

server.on("listening", () => console.log(`ready: socket ws://127.0.0.1:${server.address().port}/prod`));
process.on("SIGTERM", () => process.exit(0));
