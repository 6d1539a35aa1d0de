import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { inject } from "vitest";
import { kubeConfigOf } from "../../../src/adapters/kubernetes/kubeConfigFile.ts";
import { serverFromUrl, withClient } from "../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../../src/local/layout.ts";
import { readTarget } from "../../../src/local/target.ts";
import { type CommandResult, copyOfCheckout, TestHome } from "./menagerie.ts";

/** Apps and their keys; whose they were stays. */
const deleteApps = `
  DELETE FROM menagerie.api_key WHERE model_id IN
    (SELECT model_id FROM menagerie.model_version WHERE proxy_model_version_id IS NOT NULL);
  DELETE FROM menagerie.model_version WHERE proxy_model_version_id IS NOT NULL;`;

/** The shared environment's home in `folder`, whether it exists or not. */
export function sharedHome(folder: string): TestHome {
  return new TestHome(join(folder, "home"), join(folder, "project"));
}

/**
 * The one environment that end-to-end tests of features share, for a bring-up of its own would be most of their time. It
 * runs a copy of the checkout, whose config and trusses a test edits as a user would. Files that use it run one after the other;
 * each begins with the committed stack file and uses model names of its own.
 */
export class SharedEnvironment {
  readonly home: TestHome;
  readonly #committed: string;

  private constructor(home: TestHome, committed: string) {
    this.home = home;
    this.#committed = committed;
  }

  /** Brings it up, once in a run of the tests; the stack is then as the committed file or the file before left it. */
  static async open(): Promise<SharedEnvironment> {
    const home = sharedHome(inject("sharedFolder"));
    if (!existsSync(home.project)) await copyOfCheckout(home.project);
    const committed = await readFile(join(process.cwd(), "Pulumi.local.yaml"), "utf8");
    const shared = new SharedEnvironment(home, committed);
    await writeFile(shared.stackFile, committed);
    if (!existsSync(home.path)) await shared.up();
    return shared;
  }

  /** The cluster's administrator. */
  kubeConfig(): KubeConfig {
    const config = kubeConfigOf(environmentLayout("local", this.home.path).kubeconfig);
    return config;
  }

  get stackFile(): string {
    return join(this.home.project, "Pulumi.local.yaml");
  }

  /** Edits a file of the project, given by its path below it; answers the text that it replaced. */
  async edit(path: string, change: (text: string) => string): Promise<string> {
    const file = join(this.home.project, path);
    const before = await readFile(file, "utf8");
    const after = change(before);
    if (after === before) throw new Error(`the edit of ${path} changes nothing`);
    await writeFile(file, after);
    return before;
  }

  /** Edits the stack file, as a pull request does. */
  editStack(change: (text: string) => string): Promise<string> {
    return this.edit("Pulumi.local.yaml", change);
  }

  /** `menagerie up`, which must succeed. Agrees to the deletions of what the stack file no longer has. */
  async up(): Promise<CommandResult> {
    const first = await this.home.menagerie(["up"]);
    const hash = first.code === 3 ? /--agreed ([0-9a-f]{8}(?:-[0-9a-f]{8})*)/.exec(first.stderr)?.[1] : undefined;
    if (hash !== undefined) return this.succeed("up", "--agreed", hash);
    if (first.code !== 0) throw new Error(`menagerie up: ${first.stdout}${first.stderr}`);
    return first;
  }

  /** What a preview prints; it must succeed. */
  async preview(): Promise<string> {
    const { stdout, stderr } = await this.succeed("pulumi", "--", "preview");
    return stdout + stderr;
  }

  /** Runs `menagerie ARGS`, which must succeed. */
  async succeed(...args: string[]): Promise<CommandResult> {
    const result = await this.home.menagerie(args);
    if (result.code !== 0) throw new Error(`menagerie ${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result;
  }

  /** The JSON that `menagerie ARGS` prints. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse((await this.succeed(...args)).stdout) as T;
  }

  /**
   * Puts the committed stack file back and takes the apps away, which would keep their models in it; the next file's first
   * `up` takes away what this one declared.
   */
  async close(): Promise<void> {
    await writeFile(this.stackFile, this.#committed);
    const target = await readTarget(environmentLayout("local", this.home.path));
    const { url } = target?.databaseServer ?? {};
    if (url === undefined) return;
    await withClient(serverFromUrl(url, "the environment"), platformDatabase, (client) => client.query(deleteApps));
  }
}
