import { systemPackages, type TrussConfig } from "./config.ts";
import { refuse } from "./refusals.ts";

/** Fixed places in a directory image of a truss. The first three are those of the truss library's Dockerfile. */
export const imagePaths = {
  app: "/app",
  control: "/control",
  packages: "/packages",
  inferencePython: "/opt/python/inference",
  controlPython: "/opt/python/control",
  certificates: "/opt/certificates",
} as const;

/** Name of the CA bundle in {@link imagePaths.certificates}. */
export const certificateBundle = "ca-certificates.crt";

/**
 * Refuses what only a container build could do, because a directory image has no root file system of its own to install
 * into.
 * @throws OperatorError that names the key, its value and what to do.
 */
export function refuseUnbuildable(config: TrussConfig, name: string): void {
  const packages = systemPackages(config);
  if (packages.length > 0) {
    throw refuse("truss.system-packages", { name, packages: packages.join(", ") });
  }
  for (const [key, instead] of unbuildable) {
    const value = config[key];
    if (isEmpty(value)) continue;
    throw refuse("truss.not-in-a-directory-image", { name, key, instead });
  }
}

const unbuildable: readonly (readonly [string, string])[] = [
  ["base_image", "remove the key for the local environment, or build the truss in a cluster"],
  ["build_commands", "do in load() what they do, or build the truss in a cluster"],
  ["docker_server", "write a Model class, or build the truss in a cluster"],
  ["external_package_dirs", "put the packages into the truss's bundled packages folder"],
  ["model_cache", "download in load(), or build the truss in a cluster"],
  ["weights", "download in load(), or build the truss in a cluster"],
  ["trt_llm", "build the truss in a cluster"],
];

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

/** What a container of the truss runs, as the truss library's Dockerfile says, with Python at its fixed places. */
export function trussImageConfig(
  config: TrussConfig,
  control: { readonly bakedHash: string } | undefined,
): { entrypoint: string[]; cmd: string[]; env: Record<string, string>; workingDir: string } {
  const python = `${imagePaths.inferencePython}/bin/python`;
  const command = control
    ? [`${imagePaths.controlPython}/bin/python`, `${imagePaths.control}/control/server.py`]
    : [python, `${imagePaths.app}/main.py`];
  const folders = control ? [imagePaths.inferencePython, imagePaths.controlPython] : [imagePaths.inferencePython];
  return {
    entrypoint: command,
    cmd: [],
    env: {
      PATH: [...folders.map((folder) => `${folder}/bin`), "/usr/local/bin", "/usr/bin", "/bin"].join(":"),
      HOME: "/root",
      APP_HOME: imagePaths.app,
      PYTHON_EXECUTABLE: python,
      PYTHONUNBUFFERED: "1",
      PYTHONPATH: imagePaths.packages,
      SSL_CERT_FILE: `${imagePaths.certificates}/${certificateBundle}`,
      SERVER_START_CMD: command.join(" "),
      ...config.environment_variables,
      ...(control
        ? { HASH_TRUSS: control.bakedHash, CONTROL_SERVER_PORT: "8080", INFERENCE_SERVER_PORT: "8090" }
        : { INFERENCE_SERVER_PORT: "8080" }),
    },
    workingDir: imagePaths.app,
  };
}
