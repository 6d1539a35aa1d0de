import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { addresses, hardwareAddress } from "./addresses.ts";

const execute = promisify(execFile);

/** Brings up loopback, the pods' bridge and the route that makes every ClusterIP bindable. Idempotent. */
export async function setUpBridge(): Promise<void> {
  await ip("link", "set", "lo", "up");
  await ip("link", "add", addresses.bridge, "type", "bridge").catch(ignoreExisting);
  await ip("link", "set", addresses.bridge, "address", hardwareAddress(addresses.host));
  await ip("addr", "add", `${addresses.host}/${addresses.podPrefixLength}`, "dev", addresses.bridge).catch(
    ignoreExisting,
  );
  await ip("link", "set", addresses.bridge, "up");
  await ip("route", "add", "local", addresses.serviceCidr, "dev", "lo").catch(ignoreExisting);
}

async function ip(...args: string[]): Promise<void> {
  await execute("ip", args);
}

function ignoreExisting(error: unknown): void {
  // iproute2 has no exit code of its own for this; the kernel's EEXIST is in its message.
  if (!/File exists|already assigned/.test(String((error as { stderr?: string }).stderr))) throw error;
}
