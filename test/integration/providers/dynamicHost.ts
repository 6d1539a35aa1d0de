import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { delegate } from "../../../src/providers/delegate.ts";

const project = join(import.meta.dirname, "../../..");
/** gRPC and its messages as the SDK itself loads them. */
const ofSdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
const grpc = ofSdk("@grpc/grpc-js") as GrpcLibrary;
const services = ofSdk("./proto/provider_grpc_pb.js") as {
  ResourceProviderClient: new (address: string, credentials: unknown) => Client;
};
const messages = ofSdk("./proto/provider_pb.js") as Record<string, new () => Message>;
const struct = ofSdk("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: { fromJavaScript(value: object): unknown };
};

const empty = ofSdk("google-protobuf/google/protobuf/empty_pb.js") as { Empty: new () => Message };

interface GrpcLibrary {
  readonly credentials: { createInsecure(): unknown };
}
/** A generated protobuf message: setters and getters by name. */
type Message = Record<string, (value?: unknown) => unknown>;
type Client = Record<string, (request: Message, callback: (error: Error | null, answer: Message) => void) => void> & {
  close(): void;
};

/** The real host of dynamic providers, driven as the engine drives it. */
export interface DynamicHost {
  check(kind: string, news: object): Promise<{ property: string; reason: string }[]>;
  diff(kind: string, olds: object, news: object, id?: string): Promise<{ changes: boolean; replaces: string[] }>;
  create(kind: string, inputs: object): Promise<{ id: string; outs: Record<string, unknown> }>;
  /** An empty id means that the resource is gone. */
  read(kind: string, id: string, props: object): Promise<string>;
  update(kind: string, olds: object, news: object): Promise<Record<string, unknown>>;
  delete(kind: string, id: string, props: object): Promise<void>;
  /** As the engine does at the first Ctrl-C. */
  cancel(): Promise<void>;
  /** As when the engine is killed, which leaves the host running. */
  loseEngine(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a host in the project's root, with `env` in addition to this process's environment. */
export async function startDynamicHost(env: Record<string, string>): Promise<DynamicHost> {
  const script = ofSdk.resolve("./cmd/dynamic-provider/index.js");
  // The host never calls the engine by itself, but it may look whether one listens.
  const engine = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(engine, "listening");
  const host = spawn(process.execPath, [script, `127.0.0.1:${(engine.address() as AddressInfo).port}`], {
    cwd: project,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await firstLine(host);
  const client = new services.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());

  const call = (method: string, request: Message): Promise<Message> =>
    new Promise((resolve, reject) => {
      client[method]?.(request, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  const filled = async (name: string, kind: string, fields: Record<string, unknown>): Promise<Message> => {
    const request = new (messages[name] ?? Object)() as Message;
    for (const [field, value] of Object.entries(fields)) {
      const isProperties = typeof value === "object" && value !== null;
      request[`set${field}`]?.(
        isProperties ? struct.Struct.fromJavaScript({ ...value, __provider: delegate(kind) }) : value,
      );
    }
    return request;
  };
  const propertiesOf = (answer: Message): Record<string, unknown> => {
    const properties = answer.getProperties?.() as { toJavaScript(): Record<string, unknown> } | undefined;
    const { __provider, ...others } = properties?.toJavaScript() ?? {};
    return others;
  };

  return {
    async check(kind, news) {
      const answer = await call("check", await filled("CheckRequest", kind, { Olds: {}, News: news }));
      const failures = answer.getFailuresList?.() as Message[];
      return failures.map((each) => ({
        property: String(each.getProperty?.()),
        reason: String(each.getReason?.()),
      }));
    },
    async diff(kind, olds, news, id = "id") {
      const answer = await call("diff", await filled("DiffRequest", kind, { Id: id, Olds: olds, News: news }));
      return { changes: answer.getChanges?.() === 2, replaces: answer.getReplacesList?.() as string[] };
    },
    async create(kind, inputs) {
      const answer = await call("create", await filled("CreateRequest", kind, { Properties: inputs }));
      return { id: String(answer.getId?.()), outs: propertiesOf(answer) };
    },
    async read(kind, id, props) {
      return String((await call("read", await filled("ReadRequest", kind, { Id: id, Properties: props }))).getId?.());
    },
    async update(kind, olds, news) {
      return propertiesOf(
        await call("update", await filled("UpdateRequest", kind, { Id: "id", Olds: olds, News: news })),
      );
    },
    async delete(kind, id, props) {
      await call("delete", await filled("DeleteRequest", kind, { Id: id, Properties: props }));
    },
    async cancel() {
      await call("cancel", new empty.Empty());
    },
    async loseEngine() {
      engine.close();
      await once(engine, "close");
    },
    async stop() {
      client.close();
      engine.close();
      host.kill("SIGTERM");
      if (host.exitCode === null && host.signalCode === null) await once(host, "exit");
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("the host has no stdout");
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  return line;
}
