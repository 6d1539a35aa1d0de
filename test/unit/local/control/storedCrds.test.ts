import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EtcdKeys } from "../../../../src/local/control/etcdKeys.ts";
import { StoredCrds } from "../../../../src/local/control/storedCrds.ts";

const prefix = "/registry/apiextensions.k8s.io/customresourcedefinitions/";
const names = ["routes.example.test", "tasks.example.test"];

let folder: string;
let server: Server;
let url: string;
let refuses: boolean;
/** The etcd of a test: keys and values in the clear. */
const keys = new Map<string, string>();

beforeEach(async () => {
  keys.clear();
  refuses = false;
  folder = await mkdtemp(join(tmpdir(), "stored-crds-"));
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<"key" | "value" | "range_end", string>;
    const [key, value, end] = [body.key, body.value ?? "", body.range_end ?? ""].map(clear) as [string, string, string];
    if (refuses) response.statusCode = 404;
    if (request.url === "/v3/kv/put") keys.set(key, value);
    const found = [...keys].filter(([each]) => each >= key && each < end);
    const kvs = found.map(([each, of]) => ({ key: coded(each), value: coded(of), mod_revision: "1" }));
    // As etcd does, which leaves out what is empty.
    response.end(JSON.stringify(kvs.length === 0 ? {} : { kvs, count: String(kvs.length) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const clear = (text: string): string => Buffer.from(text, "base64").toString();
const coded = (text: string): string => Buffer.from(text).toString("base64");
const crds = (): StoredCrds => new StoredCrds(new EtcdKeys(url), join(folder, "crds.json"), names);
const etcdHas = (...more: string[]): void => {
  keys.clear();
  for (const name of more) keys.set(prefix + name, `stored ${name}`);
};

describe("CRDs that an API server has stored", () => {
  it("are there from the start in a new environment", async () => {
    etcdHas(...names, "of.somebody.else");
    await crds().keep();
    etcdHas();
    keys.set("/registry/pods/a", "a pod");
    expect(await crds().restore()).toBe(true);
    expect([...keys.keys()].sort()).toEqual([...names.map((name) => prefix + name), "/registry/pods/a"].sort());
    expect(keys.get(prefix + names[0])).toBe(`stored ${names[0]}`);
  });

  it("are left alone where an etcd has any", async () => {
    etcdHas(...names);
    await crds().keep();
    etcdHas("of.somebody.else");
    expect(await crds().restore()).toBe(false);
    expect(keys.size).toBe(1);
  });

  it("are kept only as a whole, and not used where the file is cut off or has others", async () => {
    etcdHas("routes.example.test");
    await crds().keep();
    await expect(readFile(join(folder, "crds.json"))).rejects.toThrow("ENOENT");
    etcdHas();
    for (const text of ['[{"key":"', "[]", JSON.stringify([{ key: coded(`${prefix}other`), value: "" }])]) {
      await writeFile(join(folder, "crds.json"), text);
      expect(await crds().restore()).toBe(false);
    }
    expect(keys.size).toBe(0);
  });

  it("are not restored by an etcd without its JSON gateway, which says so", async () => {
    refuses = true;
    await expect(crds().restore()).rejects.toThrow("etcd answers 404 to range");
  });
});
