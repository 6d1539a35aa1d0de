import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { archiveOf } from "../../src/adapters/builds/treeArchive.ts";
import { partName } from "../../src/domain/builds/contextArchive.ts";
import { registryTask } from "../../src/domain/builds/registryTask.ts";
import { bubblewrapOptions } from "../../src/local/node/bubblewrap.ts";
import { systemFiles } from "../../src/local/node/containerRoot.ts";
import type { RegistryTools } from "../support/testTools.ts";
import { buildkitEnvironment, dockerConfig, putBuildkit } from "./buildkitImage.ts";

const { steps } = registryTask(
  { kind: "registry", builderImage: "buildkit", layerCache: true },
  { cpu: "1", memory: "1Gi" },
);
const text = (content: string) => ({ content: new TextEncoder().encode(content), executable: false });
/** What the RUN step makes, the second stage misses where it did not run. */
export const dockerfile = `FROM scratch AS made
COPY mkdir /mkdir
RUN ["/mkdir", "/workspace/made"]
FROM scratch
COPY --from=made /workspace/made /made
COPY model.txt /
`;

/** Where pods are made, and what they build with and push to. */
export interface StepSite {
  readonly folder: string;
  readonly tools: RegistryTools;
  /** Address of the registry. */
  readonly host: string;
}

/** Makes BuildKit's image at a site. */
export async function prepareSite({ folder, tools }: StepSite): Promise<void> {
  await putBuildkit(join(folder, "image"), tools);
  for (const path of ["root", "run", "tmp", "var/tmp"]) await mkdir(join(folder, "image", path), { recursive: true });
  for (const path of ["/bin", "/sbin", "/lib", "/lib64"]) {
    const link = await readlink(path).catch(() => undefined);
    if (link !== undefined) await symlink(link, join(folder, "image", path));
  }
}

/** A pod of one build: its folders, and the steps in it, each in a sandbox as a local node makes it. */
export class StepPod {
  readonly #folder: string;
  readonly #sha256: string;
  readonly image: string;

  private constructor(path: string, image: string, sha256: string) {
    this.#folder = path;
    this.image = image;
    this.#sha256 = sha256;
  }

  static async create({ folder, tools, host }: StepSite, build = dockerfile, password = "valid"): Promise<StepPod> {
    const path = await mkdtemp(join(folder, "pod-"));
    const places = ["context", "credentials", "results", "work", "buildkit"];
    for (const place of places) await mkdir(join(path, place), { recursive: true });
    await cp(join(folder, "image"), join(path, "root"), { recursive: true, verbatimSymlinks: true });
    const mkdirProgram = { content: await readFile(tools.mkdir), executable: true };
    const files = { Dockerfile: text(build), "model.txt": text("the model"), mkdir: mkdirProgram };
    const archive = gzipSync(await buffer(archiveOf(new Map(Object.entries(files)))));
    await writeFile(join(path, "context", partName(0)), archive);
    await writeFile(join(path, "credentials", "config.json"), dockerConfig(host, password));
    return new StepPod(path, `${host}/models/iris`, createHash("sha256").update(archive).digest("hex"));
  }

  /** Runs a step's script to its end, with these values in the place of the run's. */
  async run(name: string, changed: Readonly<Record<string, string>> = {}): Promise<{ code: number; log: string }> {
    const step = steps.find((each) => each.name === name);
    if (!step) throw new Error(`the Task has no step ${name}`);
    await writeFile(join(this.#folder, "root", "step.sh"), step.script, { mode: 0o755 });
    const values: Readonly<Record<string, string>> = {
      "params.image": this.image,
      "params.tag": "1",
      "params.context-sha256": this.#sha256,
      "workspaces.context.path": "/workspace/context",
      "workspaces.credentials.path": "/workspace/credentials",
      "results.IMAGE_URL.path": "/results/url",
      "results.IMAGE_DIGEST.path": "/results/digest",
      ...changed,
    };
    const given = step.env.map((each): [string, string] => [
      each.name,
      each.value.replace(/\$\((.+?)\)/g, (_, key: string) => values[key] ?? ""),
    ]);
    const mount = (place: string, target: string, readOnly = false) => ({
      source: join(this.#folder, place),
      target,
      readOnly,
    });
    const options = bubblewrapOptions({
      root: join(this.#folder, "root"),
      hostPaths: systemFiles,
      mounts: [
        mount("context", "/workspace/context", true),
        mount("credentials", "/workspace/credentials", true),
        mount("results", "/results"),
        mount("work", "/build"),
        mount("buildkit", "/home/user/.local/share/buildkit"),
      ],
      workingDir: "/",
      env: new Map([["HOME", "/root"], ...Object.entries(buildkitEnvironment), ...given]),
    });
    const child = spawn("unshare", ["-Urm", "bwrap", ...options, "/step.sh"], {
      // The last one is where bubblewrap reports to.
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (part) => (log += part));
    const [code] = (await once(child, "close")) as [number];
    return { code, log };
  }

  async result(name: "url" | "digest"): Promise<string> {
    return readFile(join(this.#folder, "results", name), "utf8");
  }

  /** What an earlier step says was pushed. */
  async says(digest: string): Promise<void> {
    await writeFile(join(this.#folder, "results", "digest"), digest);
  }
}
