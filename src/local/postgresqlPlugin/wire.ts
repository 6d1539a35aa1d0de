import { createRequire } from "node:module";
import { isEngineSecret } from "../../domain/engineSecret.ts";

/**
 * gRPC and the provider protocol's messages, as the Pulumi SDK itself loads them. The generated modules are CommonJS
 * without usable types for what is needed here, so that part of them is described below.
 */
const ofSdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));

/** A generated protobuf message: getters and setters by name. */
export type Message = Record<string, (value?: unknown) => unknown>;
export type Answer = (error: { code: number; message: string } | null, answer?: unknown) => void;
export type Method = (call: { readonly request: Message }, answer: Answer) => void;

interface Grpc {
  readonly Server: new (
    options: Record<string, number>,
  ) => {
    addService(service: unknown, methods: Record<string, Method>): void;
    bindAsync(address: string, credentials: unknown, done: (error: Error | null, port: number) => void): void;
    forceShutdown(): void;
  };
  readonly ServerCredentials: { createInsecure(): unknown };
  readonly status: { readonly UNKNOWN: number; readonly UNIMPLEMENTED: number };
}

interface Struct {
  toJavaScript(): Record<string, unknown>;
}

export const grpc = ofSdk("@grpc/grpc-js") as Grpc;
export const { ResourceProviderService } = ofSdk("./proto/provider_grpc_pb.js") as { ResourceProviderService: unknown };
export const messages = ofSdk("./proto/provider_pb.js") as Record<string, new () => Message> & {
  readonly DiffResponse: { readonly DiffChanges: { readonly DIFF_NONE: number; readonly DIFF_SOME: number } };
};
export const plugin = ofSdk("./proto/plugin_pb.js") as Record<string, new () => Message>;
export const empty = ofSdk("google-protobuf/google/protobuf/empty_pb.js") as { readonly Empty: new () => unknown };
const struct = ofSdk("google-protobuf/google/protobuf/struct_pb.js") as {
  readonly Struct: { fromJavaScript(value: object): unknown };
};

/** Stands for a value that is not known yet (sdk/go/common/resource: UnknownStringValue). */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The properties that a getter of a request answers, with secrets as plain values. */
export function propertiesOf(request: Message, getter: string): Record<string, unknown> {
  const value = request[getter]?.() as Struct | undefined;
  return (plain(value?.toJavaScript() ?? {}) ?? {}) as Record<string, unknown>;
}

export function structOf(properties: Record<string, unknown>): unknown {
  const defined = Object.entries(properties).filter(([, value]) => value !== undefined);
  return struct.Struct.fromJavaScript(Object.fromEntries(defined));
}

/** A value with secrets as what they hold. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (isEngineSecret(value)) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
