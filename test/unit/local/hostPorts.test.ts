import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { chooseHostPorts, relayedEndpoints } from "../../../src/local/hostPorts.ts";

const others: Server[] = [];
afterEach(() => {
  for (const other of others.splice(0)) other.close();
});

/** A port that another program has. */
async function takenPort(): Promise<number> {
  const other = createServer().listen(0, "127.0.0.1");
  others.push(other);
  await once(other, "listening");
  return (other.address() as AddressInfo).port;
}

it("an environment keeps its ports", async () => {
  const { ports } = await chooseHostPorts({});
  expect(new Set(Object.values(ports)).size).toBe(relayedEndpoints.length);
  expect(await chooseHostPorts({}, ports)).toEqual({ ports, moved: [] });
  expect((await chooseHostPorts({ api: 12_345 }, ports)).ports).toEqual({ ...ports, api: 12_345 });
});

it("a port that another program took since is replaced by a free one, and a port that is asked for is not", async () => {
  const { ports } = await chooseHostPorts({});
  const from = await takenPort();
  const again = await chooseHostPorts({}, { ...ports, console: from });
  expect(again.moved).toEqual([{ endpoint: "console", from, to: again.ports.console }]);
  expect(again.ports).toEqual({ ...ports, console: again.ports.console });
  expect(again.ports.console).not.toBe(from);
  expect(await chooseHostPorts({ console: from }, ports)).toEqual({ ports: { ...ports, console: from }, moved: [] });
});

it("waits for a port that is about to be free", async () => {
  const { ports } = await chooseHostPorts({});
  const from = await takenPort();
  setTimeout(() => others.splice(0)[0]?.close(), 300);
  expect((await chooseHostPorts({}, { ...ports, gateway: from })).moved).toEqual([]);
});

it("an endpoint of before there was one gets a port that no other endpoint has", async () => {
  const { ports } = await chooseHostPorts({});
  const { console: later, ...earlier } = ports;
  const again = await chooseHostPorts({ gateway: later }, { ...earlier, gateway: undefined });
  expect(new Set(Object.values(again.ports)).size).toBe(relayedEndpoints.length);
});
