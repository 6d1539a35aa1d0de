import * as pulumi from "@pulumi/pulumi";
import { type DeclaredResource, declaredOptions, keyOf, type ResourceRequest } from "./declaredOptions.ts";

/** The engine, played: it takes what a program declares, and says what dynamic resources would make of it. */

const inputsOf = new Map<string, Record<string, unknown>>();
const requests: ResourceRequest[] = [];

/** From then on, and for all that follows. */
export async function playEngine(stack = "test"): Promise<void> {
  await pulumi.runtime.setMocks(
    {
      newResource({ name, type, inputs, id }) {
        inputsOf.set(`${type} ${name}`, inputs);
        return { id: id || name, state: { ...inputs, ...computed(type, name) } };
      },
      call: ({ inputs }) => inputs,
    },
    "menagerie",
    stack,
    false,
    "organization",
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, ...answer) => {
    requests.push(request);
    return register(request, ...answer);
  };
}

/** What the SDK tells of a resource. */
interface Monitor {
  registerResource(request: ResourceRequest, ...answer: unknown[]): unknown;
}

/** Outputs that dynamic resources make up. */
function computed(type: string, name: string): object {
  const image = { url: `registry/${name}`, digest: "sha256:<digest>", image: `registry/${name}@sha256:<digest>` };
  switch (type.split(":").at(-1)) {
    case "TrussImage":
    case "CheckoutImage":
      return image;
    case "ModelVersion":
    case "DevelopmentModelVersion":
      // Without brackets: it is the value of a label, and the goldens are shown to an API server.
      return { versionId: `id-of-${name}` };
    case "ZooRollout":
      return { since: "<since>" };
    case "StackReference":
      return { outputs: {} };
    case "SecretValue":
      return { value: `<password of ${name}>` };
    default:
      return {};
  }
}

/** Everything that `declare` declares. */
export async function declaredBy<Answer>(
  declare: () => Answer,
): Promise<{ readonly answer: Answer; readonly declared: readonly DeclaredResource[] }> {
  inputsOf.clear();
  requests.length = 0;
  const answer = declare();
  await pulumi.runtime.disconnect();
  return { answer, declared: requests.map((request) => ({ request, inputs: inputsOf.get(keyOf({ request })) ?? {} })) };
}

/** One resource, as a test of a component looks at it. */
interface Declared {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * What a component declares, by kind and name such as `ModelReady iris`; a component that has a resource of its own kind and name below
 * it is `component InferenceService iris`. Secrets are `{ secret: … }`.
 *
 * @example
 * const made = await partsOf(() => new RouteGrants("models", args));
 * expect(made("ReferenceGrant models-to-api").inputs).toMatchObject({ … });
 */
export async function partsOf(declare: () => unknown) {
  await playEngine();
  const { declared } = await declaredBy(declare);
  const options = new Map(declaredOptions(declared, false));
  const short = (key: string): string => key.replace(/^\S+:(?=\S+ )/, "");
  const resources = new Set(declared.filter(({ request }) => request.getCustom()).map((each) => short(keyOf(each))));
  const parts = new Map(
    declared.map((each): [string, Declared] => {
      const name = short(keyOf(each));
      const isAround = !each.request.getCustom() && resources.has(name);
      return [
        isAround ? `component ${name}` : name,
        { inputs: plainOf(each.inputs) as Declared["inputs"], options: { ...options.get(keyOf(each)) } },
      ];
    }),
  );
  const part = (name: string): Declared => {
    const found = parts.get(name);
    if (!found) throw new Error(`there is no ${name} among ${[...parts.keys()].join(", ")}`);
    const { dependsOn = [] } = found.options as { dependsOn?: readonly string[] };
    return { ...found, options: { ...found.options, dependsOn: dependsOn.map(short) } };
  };
  return Object.assign(part, { names: [...parts.keys()].sort() });
}

/** A resource of somebody else's, for others to depend on. */
export class OtherResource extends pulumi.CustomResource {
  constructor(kind: string, name: string, props: pulumi.Inputs = {}, options?: pulumi.CustomResourceOptions) {
    super(`test:index:${kind}`, name, props, options);
  }
}

/** The SDK's mark of a secret, as it goes to the engine. */
const secretMark = "4dabf18193072939515e22adb298388d";

function plainOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== "object" || value === null) return value;
  if (secretMark in value) return { secret: plainOf((value as { value?: unknown }).value) };
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainOf(each)]));
}
