import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { imageReference, putImage } from "../../../../src/adapters/images/imageStore.ts";
import { nodeOf } from "../../../../src/adapters/processes/pinnedNode.mjs";

const checkout = fileURLToPath(new URL("../../../..", import.meta.url));

/** A server with ROLE=late is ready so much after its start, in milliseconds. */
export const lateMs = 12_000;

/** A server like a truss's, without Python: it is ready in a moment, and does what it is asked. */
const server = `
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";

console.log("begins as " + process.env.ROLE);
if (process.env.ROLE === "broken") { console.error("no weights"); process.exit(3); }
const reach = (host, port) => new Promise((resolve) => {
  const socket = connect({ host, port, timeout: 3000 });
  socket.once("connect", () => resolve("reached"));
  socket.once("timeout", () => resolve("timeout"));
  socket.once("error", (error) => resolve(error.code));
});
const query = async (sql) => {
  const { default: pg } = await import("pg");
  const client = new pg.Client();
  await client.connect();
  try { return (await client.query(sql)).rows; } finally { await client.end(); }
};
const secrets = () => { try { return Object.fromEntries(readdirSync("/secrets").filter((name) => !name.startsWith(".."))
  .map((name) => [name, readFileSync("/secrets/" + name, "utf8")])); } catch { return {}; } };
createServer(async (request, response) => {
  if (request.url === "/v1/models/model/loaded") {
    const isLate = process.env.ROLE === "late" && process.uptime() * 1000 < ${lateMs};
    response.statusCode = process.env.ROLE === "slow" || isLate ? 503 : 200;
    return response.end();
  }
  let body = "";
  for await (const piece of request) body += piece;
  const asked = body === "" ? {} : JSON.parse(body);
  if (asked.die) process.exit(5);
  if (asked.hang) return;
  const answer = { echo: asked, env: process.env, secrets: secrets() };
  if (asked.sql) answer.rows = await query(asked.sql).catch((error) => error.message);
  if (asked.reach) answer.reached = await reach(asked.reach.host, asked.reach.port);
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`;

/** Puts the server into an image store; answers its reference. */
export async function putServer(store: string): Promise<string> {
  const node = dirname(nodeOf(checkout));
  const image = await putImage(store, {
    url: "menagerie.local/test/server",
    layers: [
      { source: node, target: "/node", key: `node ${process.version}` },
      { source: join(checkout, "node_modules"), target: "/app/node_modules", key: "packages" },
    ],
    config: { entrypoint: ["/node/node", "/app/server.mjs"], cmd: [], env: {}, workingDir: "/app" },
    populate: async (rootfs) => {
      await mkdir(join(rootfs, "app", "node_modules"), { recursive: true });
      await mkdir(join(rootfs, "node"), { recursive: true });
      await writeFile(join(rootfs, "app", "server.mjs"), server);
    },
  });
  return imageReference(image);
}
