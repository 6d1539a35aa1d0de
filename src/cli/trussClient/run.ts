import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientRemote, startClientProxy } from "./proxy.ts";
import { type StagedPatch, stagedPatch } from "./stagedPatch.ts";

/** One run of the user's truss client. */
export interface ClientRun {
  /** The client's program. */
  readonly truss: string;
  /** Its arguments, such as `["watch", "models/greeter"]`. */
  readonly args: readonly string[];
  readonly api: { readonly url: string; readonly key: string };
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** @default the terminal's own */
  readonly stdio?: "inherit" | "pipe";
  /** Called with the client's process once it runs. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Called with each patch that the client stored; waited for before the run ends. */
  readonly onStaged?: (staged: StagedPatch) => Promise<void>;
}

/** How the run ended, and which other hosts the client asked for in vain. */
export interface ClientEnd {
  readonly code: number;
  readonly refused: readonly string[];
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const proxyVariables = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

/**
 * Runs the truss client, unmodified, against an API service. The client makes its REST calls to its vendor's own API for
 * every remote but a few that are built in, with the user's key; so it is given one of those, which stands for this
 * machine, and a proxy that leads it to the service and nowhere else.
 */
export async function runTrussClient(run: ClientRun): Promise<ClientEnd> {
  /** In order, so that the last patch is remembered last. */
  let remembered: Promise<void> = Promise.resolve();
  const proxy = await startClientProxy(run.api.url, (request, answer) => {
    const staged = stagedPatch(request, answer);
    if (staged) remembered = remembered.then(() => run.onStaged?.(staged));
    // Told at the end of the run.
    remembered.catch(() => {});
  });
  const folder = await mkdtemp(join(tmpdir(), "menagerie-truss-"));
  try {
    const settings = join(folder, "trussrc");
    const lines = [
      "[menagerie]",
      "remote_provider = baseten",
      `api_key = ${run.api.key}`,
      `remote_url = ${clientRemote}`,
    ];
    await writeFile(settings, `${lines.join("\n")}\n`, { mode: 0o600 });
    const child = spawn(run.truss, run.args, {
      env: clientEnvironment(run.env ?? process.env, settings, proxy.url),
      stdio: run.stdio ?? "inherit",
      ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    });
    // The launcher keeps the terminal's Ctrl-C away from us both and signals this process alone. The client's end is what ends this.
    let isInterrupted = false;
    const pass = (signal: NodeJS.Signals): void => {
      isInterrupted = true;
      child.kill(signal);
    };
    for (const signal of signals) process.on(signal, pass);
    try {
      run.onStart?.(child);
      const code = await ended(child);
      await remembered;
      // The client ends with 0 also where a push or patch was under way.
      return { code: isInterrupted && code === 0 ? 130 : code, refused: proxy.refused };
    } finally {
      for (const signal of signals) process.off(signal, pass);
    }
  } finally {
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function clientEnvironment(env: NodeJS.ProcessEnv, settings: string, proxy: string): NodeJS.ProcessEnv {
  const without = proxyVariables.flatMap((name) => [name, name.toUpperCase()]);
  return {
    ...Object.fromEntries(
      Object.entries(env).filter(
        ([name]) => !without.includes(name) && !name.startsWith("BASETEN_") && !name.startsWith("MENAGERIE_"),
      ),
    ),
    ...Object.fromEntries(["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].map((name) => [name, proxy])),
    USER_TRUSSRC_PATH: settings,
  };
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}
