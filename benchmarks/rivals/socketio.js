// The rival: Socket.IO with its Redis adapter, as its documentation has it. Nobody signs in, nothing is kept.
const { createServer } = require("node:http");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const Redis = require("ioredis");

const [port, bus] = process.argv.slice(2);
const publisher = new Redis(bus);
const http = createServer();
const io = new Server(http, { adapter: createAdapter(publisher, publisher.duplicate()), transports: ["websocket"] });

io.on("connection", (socket) => {
  const { user } = socket.handshake.query;
  if (user !== undefined) socket.join(`user.${user}`);
});
http.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
