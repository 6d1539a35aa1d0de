/**
 * Loaded before Pulumi's SDK, by Pulumi.yaml's `nodeargs` and an environment's NODE_OPTIONS. Packages that the SDK asks for as it starts,
 * and uses only to serialize closures or with `--tracing`, are loaded when they are first used: programs and hosts of dynamic providers
 * start in half the time.
 */
import { createRequire } from "node:module";

// A language host that is older than the engine does not hear of `typescript: false`, and has the SDK load ts-node and a compiler.
delete process.env.PULUMI_NODEJS_TYPESCRIPT;

const sdk = createRequire(createRequire(import.meta.url).resolve("@pulumi/pulumi"));

/** npm's solver of dependencies and TypeScript's compiler, for closures; providers of this project are no closures (providers/delegate.ts). */
const forClosures = ["@npmcli/arborist", "normalize-package-data", "typescript"];
/** Of these the SDK takes classes and functions while it starts. */
const forTracing = [
  "@opentelemetry/exporter-zipkin",
  "@opentelemetry/instrumentation",
  "@opentelemetry/instrumentation-grpc",
  "@opentelemetry/resources",
  "@opentelemetry/sdk-trace-base",
  "@opentelemetry/sdk-trace-node",
];

for (const name of forClosures) putOff(name, (load) => lazily(load, (key) => load()[key]));
for (const name of forTracing) putOff(name, (load) => lazily(load, (key) => lazily(() => load()[key])));

/**
 * Lets `require(name)` answer what `standIn` makes.
 *
 * @param {string} name
 * @param {(load: () => any) => unknown} standIn gets what loads the package, once
 */
function putOff(name, standIn) {
  const path = sdk.resolve(name);
  /** @type {unknown} */
  let loaded;
  const load = () => {
    if (loaded === undefined) {
      delete sdk.cache[path];
      loaded = sdk(name);
    }
    return loaded;
  };
  const module = /** @type {NodeJS.Module} */ ({ id: path, filename: path, loaded: true, exports: standIn(load) });
  sdk.cache[path] = module;
}

/**
 * A function, class or module that is there when it is used.
 *
 * @param {() => any} load
 * @param {(key: string | symbol) => unknown} member
 * @returns {unknown}
 */
function lazily(load, member = (key) => load()[key]) {
  /** @type {any} */
  const standIn = new Proxy(function lazy() {}, {
    get(_, key) {
      // What TypeScript's helpers for imports ask first: of a module that says yes they take members, and `default`.
      if (key === "__esModule") return true;
      return key === "default" ? standIn : member(key);
    },
    apply: (_, self, args) => Reflect.apply(load(), self, args),
    // A class of another package may extend this one.
    construct: (_, args, made) => Reflect.construct(load(), args, made === standIn ? load() : made),
  });
  return standIn;
}
