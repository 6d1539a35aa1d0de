import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A TCP relay on this machine that breaks connections in the middle of what they carry. */
export interface CuttingProxy {
  readonly url: string;
  /** Ends the connections that are open; the next one breaks once it has carried so many bytes in one direction. */
  cutNext(direction: "up" | "down", bytes: number): Promise<void>;
  /** Connections that were cut. */
  readonly cuts: () => number;
  stop(): void;
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  let next: { readonly direction: "up" | "down"; readonly bytes: number } | undefined;
  let cuts = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const plan = next;
    next = undefined;
    const upstream = connect(Number(port), hostname);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    const carry = (direction: "up" | "down", from: Socket, to: Socket): void => {
      let left = plan?.direction === direction ? plan.bytes : Number.POSITIVE_INFINITY;
      from.on("data", (chunk: Buffer) => {
        if (chunk.length < left) {
          left -= chunk.length;
          to.write(chunk);
          return;
        }
        cuts += 1;
        to.write(chunk.subarray(0, left), end);
      });
      from.on("end", () => to.end());
      from.on("error", end);
      open.add(from);
      from.once("close", () => open.delete(from));
    };
    carry("up", client, upstream);
    carry("down", upstream, client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async cutNext(direction, bytes) {
      // Those that are kept alive would carry what comes next; whoever keeps them has to see that they are closed.
      for (const socket of open) socket.destroy();
      await delay(50);
      next = { direction, bytes };
    },
    cuts: () => cuts,
    stop() {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}
