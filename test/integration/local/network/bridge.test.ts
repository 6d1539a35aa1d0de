import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const execute = promisify(execFile);
const bridge = new URL("../../../../src/local/network/bridge.ts", import.meta.url).href;

/** In a network of its own: the bridge's hardware address before a pod's end is on it, with it, and after it has gone. */
const program = `
import { execFileSync } from "node:child_process";
import { setUpBridge } from ${JSON.stringify(bridge)};
const ip = (...args) => execFileSync("ip", args, { encoding: "utf8" });
const seen = [];
const look = () => seen.push(JSON.parse(ip("-json", "link", "show", "br0"))[0].address);
await setUpBridge();
look();
ip("link", "add", "low", "address", "02:00:00:00:00:01", "type", "veth", "peer", "name", "other");
ip("link", "set", "low", "master", "br0", "up");
look();
ip("link", "del", "low");
look();
await setUpBridge();
look();
console.log(JSON.stringify(seen));
`;

test("pods that come and go leave the bridge's hardware address as it is", async () => {
  const { stdout } = await execute("unshare", [
    ...["--user", "--map-root-user", "--net", "--"],
    ...[process.execPath, "--input-type=module", "--eval", program],
  ]);
  expect(JSON.parse(stdout)).toEqual(Array(4).fill("0a:58:0a:58:00:01"));
});
