import { choice, flag, mapping, namesTo, wholeNumber } from "./fields.ts";
import { deploymentModes, environmentVariables, poolName, resources, trussFolder, zooName } from "./zoo.ts";

const developmentVersion = mapping(
  {
    truss: trussFolder,
    pool: poolName,
    resources: resources.prefault({}),
    env: environmentVariables,
    mode: choice(
      deploymentModes,
      "KServe deployment mode; cannot be changed later. Default: menagerie:serving.mode.",
    ).optional(),
    takeover: flag(
      "Let the folder win where both it and the running head have changed since the last `up`. Default: false, and such an `up` is refused.",
    ).default(false),
    idleMinutes: wholeNumber(
      1,
      1440,
      "Scale to zero after so long without a request; the next request wakes it, patched. At most 60 in Knative mode. Unit: minutes. Default: never in Standard mode, 10 in Knative mode.",
    ).optional(),
  },
  "write {truss: <folder>}",
  "One development version: a model that is patched in place while it runs, on exactly one pod.",
);

export const development = namesTo(
  zooName,
  "use lower-case letters, digits, - and _, starting with a letter, such as greeter",
  developmentVersion,
  "write {<model>: {truss: <folder>}}",
  "Development versions by model name. Their trusses say use_control_plane: true. Default: none.",
).default({});
