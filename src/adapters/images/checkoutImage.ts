import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { badInput } from "../../domain/errors.ts";
import { imageReference, putImage } from "./imageStore.ts";

/** What the services of a checkout consist of, besides its packages. */
const copied = ["src/adapters", "src/domain", "src/services", "package.json"];
const place = "/app";

/** Content hash of the services' code and the lock of their packages, in the checkout `project`. */
export async function serviceSource(project: string): Promise<string> {
  const hash = createHash("sha256");
  for (const path of [...(await filesOf(project)), "package-lock.json"]) {
    const content = await readFile(join(project, path));
    hash.update(`${path.length}:${path}:${content.length}:`).update(content);
  }
  return hash.digest("hex");
}

/**
 * Lays the checkout out as an image of the store and answers its reference: the code copied, the packages, with the
 * pinned Node.js among them, as a read-only layer. Throws a `badInput` when the code is not what `hash` says any more.
 */
export async function putCheckoutImage(
  store: string,
  project: string,
  service: { readonly name: string; readonly entry: string; readonly hash: string },
): Promise<string> {
  if ((await serviceSource(project)) !== service.hash) {
    throw badInput(`the code of service ${service.name} changed while its image was being made; run this again`);
  }
  const lock = createHash("sha256")
    .update(await readFile(join(project, "package-lock.json")))
    .digest("hex");
  const packages = `${place}/node_modules`;
  const image = await putImage(store, {
    url: `menagerie.local/service/${service.name}`,
    layers: [{ source: join(project, "node_modules"), target: packages, key: `packages ${lock}` }],
    config: {
      entrypoint: [`${packages}/node/bin/node`, `${place}/${service.entry}`],
      cmd: [],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", NODE_ENV: "production" },
      workingDir: place,
    },
    populate: async (rootfs) => {
      for (const path of copied) await cp(join(project, path), join(rootfs, place, path), { recursive: true });
      await mkdir(join(rootfs, packages), { recursive: true });
    },
  });
  return imageReference(image);
}

async function filesOf(project: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of copied) {
    if (path.endsWith(".json")) {
      found.push(path);
      continue;
    }
    const entries = await readdir(join(project, path), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile()) found.push(join(entry.parentPath, entry.name).slice(project.length + 1));
    }
  }
  return found.sort();
}
