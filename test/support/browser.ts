import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell"];

/** The browser that MENAGERIE_BROWSER names, or a Chromium of the PATH; undefined where there is none. */
export function findBrowser(): string | undefined {
  const named = process.env.MENAGERIE_BROWSER;
  if (named) return named;
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Answer {
  readonly id?: number;
  /** Of the page that it is about. */
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A page that a browser shows, driven by its DevTools protocol (https://chromedevtools.github.io/devtools-protocol/). */
export interface ShownPage {
  /** What the page could not load, what its scripts threw or printed as a warning or error, and what the browser says against it; a line each. */
  readonly complaints: readonly string[];
  /** Value of an expression in the page; of a promise, what it comes to. */
  evaluate<T>(expression: string): Promise<T>;
  /** PNG of the whole page. */
  screenshot(): Promise<Buffer>;
  /** Its connections end too: a browser has six to a host at most. */
  close(): Promise<void>;
}

export interface View {
  readonly scheme: "light" | "dark";
  /** CSS pixels. */
  readonly width: number;
}

/** A headless browser. */
export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  readonly #listeners = new Set<(answer: Answer) => void>();
  #last = 0;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#child = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data)) as Answer));
  }

  static async start(program: string): Promise<Browser> {
    const profile = await mkdtemp(join(tmpdir(), "menagerie-browser-"));
    // It shows files of ours alone, and as root it has no sandbox.
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"];
    const child = spawn(program, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const socket = new WebSocket(await addressOf(child, program));
    await once(socket, "open");
    return new Browser(child, profile, socket);
  }

  /** Opens a file as a reader with this view does. */
  show(file: string, view: View): Promise<ShownPage> {
    return this.open(`file://${file}`, view);
  }

  /** The same with an address, and with cookies for it. */
  async open(url: string, { scheme, width }: View, cookies: Readonly<Record<string, string>> = {}): Promise<ShownPage> {
    const { targetId } = await this.#call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.#call("Target.attachToTarget", { targetId, flatten: true });
    const call = (method: string, params: object = {}) => this.#call(method, params, String(sessionId));
    const complaints: string[] = [];
    const { promise: loaded, resolve } = Promise.withResolvers<void>();
    const listener = (answer: Answer) => {
      // Other pages are open beside this one.
      if (answer.sessionId !== sessionId) return;
      if (answer.method === "Page.loadEventFired") resolve();
      const complaint = complaintOf(answer);
      if (complaint !== undefined) complaints.push(complaint);
    };
    this.#listeners.add(listener);
    for (const domain of ["Page", "Network", "Log", "Runtime"]) await call(`${domain}.enable`);
    await call("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: false });
    await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    for (const [name, value] of Object.entries(cookies)) await call("Network.setCookie", { name, value, url });
    await call("Page.navigate", { url });
    await loaded;
    return {
      complaints,
      evaluate: async <T>(expression: string) => {
        const { result, exceptionDetails } = await call("Runtime.evaluate", {
          expression,
          returnByValue: true,
          awaitPromise: true,
        });
        if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
        return (result as { value: T }).value;
      },
      screenshot: async () => {
        const { data } = await call("Page.captureScreenshot", { captureBeyondViewport: true });
        return Buffer.from(String(data), "base64");
      },
      close: async () => {
        this.#listeners.delete(listener);
        await this.#call("Target.closeTarget", { targetId });
      },
    };
  }

  async close(): Promise<void> {
    this.#socket.close();
    this.#child.kill("SIGKILL");
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  #call(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    this.#last += 1;
    const id = this.#last;
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take(answer: Answer): void {
    for (const listener of this.#listeners) listener(answer);
    const waiting = answer.id === undefined ? undefined : this.#waiting.get(answer.id);
    if (!waiting) return;
    this.#waiting.delete(answer.id ?? 0);
    if (answer.error) waiting.reject(new Error(answer.error.message));
    else waiting.resolve(answer.result ?? {});
  }
}

/** Says what is wrong, in a line; undefined for what is not. */
function complaintOf({ method, params = {} }: Answer): string | undefined {
  const { entry, exceptionDetails, type, args, errorText } = params as Complaint;
  if (method === "Log.entryAdded" && entry)
    return `${entry.level}: ${entry.text}${entry.url === undefined ? "" : ` (${entry.url})`}`;
  if (method === "Runtime.exceptionThrown" && exceptionDetails)
    return `thrown: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`;
  if (method === "Runtime.consoleAPICalled" && type !== undefined && /^(?:error|warning|assert)$/.test(type))
    return `printed as ${type}: ${(args ?? []).map(({ value, description }) => value ?? description).join(" ")}`;
  return method === "Network.loadingFailed" ? `not loaded: ${errorText}` : undefined;
}

/** Of https://chromedevtools.github.io/devtools-protocol/: Log, Runtime and Network. */
interface Complaint {
  readonly entry?: { readonly level: string; readonly text: string; readonly url?: string };
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
  readonly type?: string;
  readonly args?: readonly { readonly value?: unknown; readonly description?: string }[];
  readonly errorText?: string;
}

async function addressOf(child: ChildProcess, program: string): Promise<string> {
  if (!child.stderr) throw new Error("the browser has no stderr");
  const told: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    told.push(line);
    const address = /DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address) return address;
  }
  throw new Error(`${program} did not start: ${told.join("\n")}`);
}
