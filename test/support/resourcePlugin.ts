import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";

/** gRPC and its messages as the SDK itself loads them. */
const ofSdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));
const grpc = ofSdk("@grpc/grpc-js") as { credentials: { createInsecure(): unknown } };
const services = ofSdk("./proto/provider_grpc_pb.js") as {
  ResourceProviderClient: new (address: string, credentials: unknown) => Client;
};
const messages = ofSdk("./proto/provider_pb.js") as Record<string, new () => Message>;
const struct = ofSdk("google-protobuf/google/protobuf/struct_pb.js") as {
  Struct: { fromJavaScript(value: object): unknown };
};

type Message = Record<string, (value?: unknown) => unknown>;
type Client = Record<string, (request: Message, callback: (error: Error | null, answer: Message) => void) => void> & {
  close(): void;
};
type Properties = Record<string, unknown>;

/** A resource plugin, driven as the engine drives it. */
export interface ResourcePlugin {
  check(type: string, inputs: Properties): Promise<{ inputs: Properties; failures: string[] }>;
  diff(type: string, id: string, olds: Properties, news: Properties): Promise<{ changes: boolean; replaces: string[] }>;
  create(type: string, inputs: Properties): Promise<{ id: string; properties: Properties }>;
  /** An empty id means that the resource is gone. */
  read(type: string, id: string, properties: Properties): Promise<{ id: string; properties: Properties }>;
  update(type: string, id: string, olds: Properties, news: Properties): Promise<Properties>;
  delete(type: string, id: string, properties: Properties): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the plugin's executable and configures it for a server. */
export async function startPlugin(executable: string, server: DatabaseServer): Promise<ResourcePlugin> {
  const child = spawn(executable, [], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const client = new services.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const call = (method: string, type: string, fields: Record<string, unknown>): Promise<Message> =>
    new Promise((resolve, reject) => {
      const request = new (messages[type] ?? Object)() as Message;
      for (const [field, value] of Object.entries(fields)) {
        const isProperties = typeof value === "object" && value !== null;
        request[`set${field}`]?.(isProperties ? struct.Struct.fromJavaScript(value) : value);
      }
      client[method]?.(request, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  const plain = (value: unknown): Properties => (value as { toJavaScript(): Properties }).toJavaScript();
  const urn = (type: string): string => `urn:pulumi:test::menagerie::${type}::name`;
  // As the engine sends it: the password is marked as secret.
  const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: server.password };
  await call("configure", "ConfigureRequest", {
    Args: { host: server.host, port: String(server.port), username: server.user, password: secret, sslmode: "disable" },
  });
  return {
    async check(type, inputs) {
      const answer = await call("check", "CheckRequest", { Urn: urn(type), Olds: {}, News: inputs });
      const failures = answer.getFailuresList?.() as Message[];
      return {
        inputs: plain(answer.getInputs?.()),
        failures: failures.map((each) => `${each.getProperty?.()}: ${each.getReason?.()}`),
      };
    },
    async diff(type, id, olds, news) {
      const answer = await call("diff", "DiffRequest", { Urn: urn(type), Id: id, Olds: olds, News: news });
      return { changes: answer.getChanges?.() === 2, replaces: answer.getReplacesList?.() as string[] };
    },
    async create(type, inputs) {
      const answer = await call("create", "CreateRequest", { Urn: urn(type), Properties: inputs });
      return { id: String(answer.getId?.()), properties: plain(answer.getProperties?.()) };
    },
    async read(type, id, properties) {
      const answer = await call("read", "ReadRequest", { Urn: urn(type), Id: id, Properties: properties });
      const found = answer.getProperties?.();
      return { id: String(answer.getId?.()), properties: found ? plain(found) : {} };
    },
    async update(type, id, olds, news) {
      const answer = await call("update", "UpdateRequest", { Urn: urn(type), Id: id, Olds: olds, News: news });
      return plain(answer.getProperties?.());
    },
    async delete(type, id, properties) {
      await call("delete", "DeleteRequest", { Urn: urn(type), Id: id, Properties: properties });
    },
    async stop() {
      client.close();
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
