import { once } from "node:events";
import { createServer, type ListenOptions, type Server } from "node:net";
import { firstOutgoingPort } from "../../src/local/hostPorts.ts";

/** Below it stand the ports of daemons that a machine may start at any time. */
const lowest = 16_384;

/**
 * A port of 127.0.0.1 for a server that starts later, perhaps seconds later: until this process ends no other call gets it, in no
 * process. It lies below the range from which Linux takes ports for outgoing connections and for `listen(0)`.
 */
export async function freePort(): Promise<number> {
  const count = Math.max((await firstOutgoingPort()) - lowest, 1);
  for (;;) {
    const port = lowest + Math.floor(Math.random() * count);
    // A socket in Linux's abstract namespace goes with its process, however that ends.
    const reservation = await listening({ path: `\0menagerie-test-port-${port}` });
    if (!reservation) continue;
    const probe = await listening({ port, host: "127.0.0.1" });
    if (!probe) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

/** A server that keeps no process alive, or undefined where somebody else listens there. */
async function listening(options: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(options).unref();
  try {
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}
