import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DatabaseServer, urlOf } from "../../../src/adapters/postgres/server.ts";
import { silent } from "../../../src/domain/progress.ts";
import { clearInterrupted } from "../../../src/local/interruptedRun.ts";
import { menagerieCache } from "../../../src/local/layout.ts";
import { endOrphanedPlugins } from "../../../src/local/orphanedPlugins.ts";
import { ensureToolchain, preparePulumiHome } from "../../../src/local/toolchain/index.ts";

const checkout = join(import.meta.dirname, "../../..");

/** What a stack declares. */
export interface DatabaseStack {
  /** Number of the version by model. */
  readonly versions: Readonly<Record<string, number>>;
  /** @default "1.0.0" */
  readonly code?: string;
  /** `menagerie:state`, its folder relative to the stack's own. */
  readonly state?: object;
  readonly cluster: string;
}

/** What the cluster does when a model is to be served: never answering is for engines that are killed meanwhile. */
export type Answer = "serves" | "refuses" | "serves and never answers" | "never answers";

/** The real engine with a stack that PostgreSQL alone holds, and the models that a cluster serves, which the test plays. */
export interface StackOfDatabase<Declared extends object = Omit<DatabaseStack, "cluster">> {
  readonly folder: string;
  /** Versions that are served, by model. */
  readonly served: Map<string, number>;
  /** What the cluster does next, by model. @default serves */
  readonly answers: Map<string, Answer>;
  /** Runs `pulumi ARGS` to its end. */
  run(args: readonly string[], declared: Declared): Promise<{ code: number; said: string }>;
  /** Runs an `up`, and kills the engine with -9 as soon as the cluster is asked to serve `model`. */
  killedUp(declared: Declared, model: string): Promise<void>;
  /** Writes SQL files of `menagerie:state`, by name, into the folder that is named after the test; answers the folder. */
  stateFiles(test: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** The stack's state as `pulumi stack export ARGS` prints it. */
  exported(args?: readonly string[]): Promise<string>;
  /** Called when the cluster is asked to serve a model. */
  asked: (model: string) => void;
  stop(): Promise<void>;
}

export const stackName = "tried";
/** What the stack's secrets are encrypted with. */
export const passphrase = "canary-of-the-passphrase";

/**
 * Starts it for a server; the usual program is for one that has the platform's tables: see `makePlatformTables`.
 * @param main - of the program, which gets what it declares as JSON in DATABASE_STACK
 */
export async function startStackOfDatabase<Declared extends object = Omit<DatabaseStack, "cluster">>(
  server: DatabaseServer,
  main = "test/support/databaseStack/program.ts",
): Promise<StackOfDatabase<Declared>> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-database-stack-"));
  const toolchain = await ensureToolchain({
    cache: menagerieCache(),
    progress: silent,
    signal: new AbortController().signal,
  });
  const pulumiHome = join(folder, "home");
  const home = await preparePulumiHome(pulumiHome, toolchain);
  const backend = join(folder, "backend");
  await mkdir(backend);
  for (const name of ["src", "components", "test", "node_modules"])
    await symlink(join(checkout, name), join(folder, name));
  const program = { name: "menagerie", type: "module", main };
  await writeFile(join(folder, "package.json"), JSON.stringify(program));
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: menagerie\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
  );

  const served = new Map<string, number>();
  const answers = new Map<string, Answer>();
  const cluster = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const [, , model = "", version] = (request.url ?? "").split("/");
    if (request.method === "PUT") {
      const answer = answers.get(model) ?? "serves";
      if (answer.startsWith("serves")) served.set(model, Number(version));
      stack.asked(model);
      if (answer.endsWith("never answers")) return;
      response.statusCode = answer === "refuses" ? 500 : 200;
      return response.end(`${model} ${answer}`);
    }
    const asked = request.url ?? "";
    const items = asked.includes("virtualservices")
      ? routes(served)
      : asked.includes("inferenceservices")
        ? services(served)
        : [];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ kind: "List", items }));
  }).listen(0, "127.0.0.1");
  await once(cluster, "listening");
  const address = `http://127.0.0.1:${(cluster.address() as AddressInfo).port}`;
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(address)));

  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...home.env,
    PULUMI_BACKEND_URL: `file://${backend}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE: passphrase,
    PULUMI_OPTION_CONFIG_FILE: undefined,
    PULUMI_STACK: undefined,
    KUBECONFIG: kubeconfig,
    MENAGERIE_DATABASE_URL: urlOf(server, server.maintenanceDatabase),
  };
  const start = (args: readonly string[], declared: Declared): ChildProcess =>
    spawn(home.pulumi, [...args, "--stack", stackName, "--non-interactive", "--color=never"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, DATABASE_STACK: JSON.stringify({ ...declared, cluster: address }) },
    });
  const plain = (args: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(home.pulumi, args, { cwd: folder, env, maxBuffer: 2 ** 28 }, (error, stdout, stderr) =>
        error ? reject(new Error(`${stdout}${stderr}`)) : resolve(stdout),
      );
    });
  await plain(["stack", "init", stackName]);

  /** What `menagerie` does before each run of the engine. */
  const settle = async (): Promise<void> => {
    await endOrphanedPlugins(pulumiHome);
    const holder = await clearInterrupted({ backend, project: "menagerie", stack: stackName }, plain);
    if (holder !== undefined) throw new Error(`the engine ${holder} is at work on the stack`);
  };

  const stack: StackOfDatabase<Declared> = {
    folder,
    served,
    answers,
    asked: () => {},
    async run(args, declared) {
      await settle();
      const child = start(args, declared);
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding("utf8").on("data", (text: string) => {
          said += text;
        });
      }
      const [code] = (await once(child, "close")) as [number];
      return { code, said };
    },
    async killedUp(declared, model) {
      await settle();
      const reached = new Promise<void>((resolve) => {
        stack.asked = (each) => {
          if (each === model) resolve();
        };
      });
      const child = start(["up", "--yes", "--skip-preview"], declared);
      const ended = once(child, "exit");
      await Promise.race([
        reached,
        ended.then(() => Promise.reject(new Error(`the engine ended before ${model} was served`))),
      ]);
      child.kill("SIGKILL");
      await ended;
    },
    async stateFiles(test, files) {
      const name = `state-of-${test}`;
      await mkdir(join(folder, name));
      for (const [file, text] of Object.entries(files)) await writeFile(join(folder, name, file), text);
      return name;
    },
    exported: (args = []) => plain(["stack", "export", "--stack", stackName, ...args]),
    async stop() {
      await endOrphanedPlugins(pulumiHome);
      cluster.closeAllConnections();
      cluster.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return stack;
}

function routes(served: ReadonlyMap<string, number>): object[] {
  return [...served].map(([name, version]) => ({
    metadata: { name, labels: { "menagerie.dev/model": name, "menagerie.dev/kind": "zoo" } },
    spec: {
      hosts: ["*"],
      http: [{ route: [{ destination: { host: `${name}-v${version}-predictor.models.svc.cluster.local` } }] }],
    },
  }));
}

function services(served: ReadonlyMap<string, number>): object[] {
  return [...served].map(([name, version]) => ({
    metadata: {
      name: `${name}-v${version}`,
      labels: { "app.kubernetes.io/name": `${name}-v${version}` },
      annotations: { "menagerie.dev/truss-hash": `hash of ${name} ${version}` },
    },
  }));
}

function kubeconfigOf(server: string): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "played",
    clusters: [{ name: "played", cluster: { server, "insecure-skip-tls-verify": true } }],
    contexts: [{ name: "played", context: { cluster: "played", user: "played" } }],
    users: [{ name: "played", user: {} }],
  };
}
