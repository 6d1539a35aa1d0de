/**
 * A small stand-in for the official `pulumi-resource-postgresql`, for the embedded environment and for machines that
 * cannot download plugins: it speaks the same provider protocol and serves the few types that the program declares. It
 * prints its port, as plugins do, and serves until the engine ends it.
 */

import { isDeepStrictEqual } from "node:util";
import type { DatabaseServer } from "../../adapters/postgres/server.ts";
import { messageOf } from "../../domain/errors.ts";
import { difference, issuesIn, kindOf, serverOf } from "./provider.ts";
import type { Properties } from "./resourceKind.ts";
import {
  type Answer,
  empty,
  grpc,
  type Message,
  type Method,
  messages,
  plugin,
  propertiesOf,
  ResourceProviderService,
  structOf,
} from "./wire.ts";

/** Version of the official plugin that the program's SDK asks for. */
const version = "3.18.1";
/** The engine's own limit, in bytes. */
const largestMessage = 400 * 1024 * 1024;

let server: DatabaseServer | undefined;

function configured(): DatabaseServer {
  if (!server) throw new Error("the engine has not configured the postgresql provider yet");
  return server;
}

function message(type: string, fields: Record<string, unknown>): Message {
  const made = new (messages[type] ?? plugin[type] ?? Object)() as Message;
  for (const [field, value] of Object.entries(fields)) made[`set${field}`]?.(value);
  return made;
}

/** `postgresql:index/role:Role` of a urn such as `urn:pulumi:local::menagerie::a$postgresql:index/role:Role::name`. */
function kindAt(request: Message) {
  return kindOf(String(request.getUrn?.()).split("::")[2]?.split("$").at(-1) ?? "");
}

const handlers: Record<string, (request: Message) => Promise<unknown>> = {
  getPluginInfo: async () => message("PluginInfo", { Version: version }),
  checkConfig: async (request) => message("CheckResponse", { Inputs: request.getNews?.() }),
  diffConfig: async (request) => {
    // The same resources, however their server is reached: never a replacement.
    const same = isDeepStrictEqual(propertiesOf(request, "getOlds"), propertiesOf(request, "getNews"));
    const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
    return message("DiffResponse", { Changes: same ? DIFF_NONE : DIFF_SOME });
  },
  configure: async (request) => {
    server = serverOf(propertiesOf(request, "getArgs"));
    // Secrets arrive plain and are marked again by the SDK (`additionalSecretOutputs` of Role).
    return message("ConfigureResponse", { Acceptsecrets: false, Supportspreview: true, Acceptresources: false });
  },
  check: async (request) => {
    const inputs = propertiesOf(request, "getNews");
    const failures = issuesIn(kindAt(request), inputs).map(({ property, reason }) =>
      message("CheckFailure", { Property: property, Reason: reason }),
    );
    return message("CheckResponse", { Inputs: structOf(inputs), FailuresList: failures });
  },
  diff: async (request) => {
    const olds = propertiesOf(request, "getOlds");
    const { changed, replaces } = difference(kindAt(request), olds, propertiesOf(request, "getNews"));
    const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
    return message("DiffResponse", {
      Changes: changed.length > 0 ? DIFF_SOME : DIFF_NONE,
      DiffsList: changed,
      ReplacesList: replaces,
      // `ensure` takes over what it finds, so the old object must be gone before.
      Deletebeforereplace: replaces.length > 0,
    });
  },
  create: async (request) => {
    const kind = kindAt(request);
    const inputs = propertiesOf(request, "getProperties");
    if (request.getPreview?.()) return message("CreateResponse", { Properties: structOf(inputs) });
    await kind.ensure(configured(), inputs);
    return message("CreateResponse", { Id: kind.idOf(inputs), Properties: structOf(inputs) });
  },
  update: async (request) => {
    const inputs = propertiesOf(request, "getNews");
    if (!request.getPreview?.()) await kindAt(request).ensure(configured(), inputs);
    return message("UpdateResponse", { Properties: structOf(inputs) });
  },
  read: async (request) => {
    const id = String(request.getId?.());
    const known: Properties = { ...propertiesOf(request, "getInputs"), ...propertiesOf(request, "getProperties") };
    const found = await kindAt(request).read(configured(), id, known);
    if (!found) return message("ReadResponse", { Id: "" });
    return message("ReadResponse", { Id: id, Properties: structOf(found), Inputs: structOf(found) });
  },
  delete: async (request) => {
    await kindAt(request).delete(configured(), propertiesOf(request, "getProperties"));
    return new empty.Empty();
  },
  cancel: async () => new empty.Empty(),
};

const methods: Record<string, Method> = Object.fromEntries(
  Object.entries(handlers).map(([name, handle]) => [
    name,
    ({ request }: { readonly request: Message }, answer: Answer): void => {
      handle(request).then(
        (result) => answer(null, result),
        (error: unknown) => answer({ code: grpc.status.UNKNOWN, message: messageOf(error) }),
      );
    },
  ]),
);

const service = new grpc.Server({
  "grpc.max_receive_message_length": largestMessage,
  "grpc.max_send_message_length": largestMessage,
});
service.addService(ResourceProviderService, methods);
service.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
