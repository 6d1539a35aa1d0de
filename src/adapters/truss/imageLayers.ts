import { randomBytes } from "node:crypto";
import { copyFile, mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { certificateBundle, imagePaths } from "../../domain/truss/directoryImage.ts";
import type { KeyedLayer } from "../images/directoryImage.ts";
import type { BasePython } from "./interpreter.ts";
import type { PythonLayers } from "./python.ts";
import type { RequirementLayer } from "./requirementLayer.ts";

/**
 * Layers of a truss image: the inference environment, the control server's for control trusses, the interpreters that
 * they point to (virtual environments link to them by absolute path), and this machine's certificate authorities.
 */
export async function imageLayers(
  cache: string,
  python: PythonLayers,
  inference: RequirementLayer,
  isControl: boolean,
  env: NodeJS.ProcessEnv,
): Promise<KeyedLayer[]> {
  const interpreters = isControl ? [inference.python, python.python] : [inference.python];
  return [
    { source: inference.folder, target: imagePaths.inferencePython, key: `inference ${inference.key}` },
    ...(isControl ? [{ source: python.control, target: imagePaths.controlPython, key: `control ${python.key}` }] : []),
    ...interpreterLayers(interpreters),
    // The key is constant: an image is the same one wherever it was built, whatever authorities a machine trusts.
    { source: await certificates(cache, python, env), target: imagePaths.certificates, key: "certificates" },
  ];
}

/** Prefixes of interpreters that containers would not see: /usr is theirs as it is on the host. */
export function interpreterLayers(interpreters: readonly BasePython[]): KeyedLayer[] {
  const outside = interpreters.filter(({ prefix }) => prefix !== "/usr" && !prefix.startsWith("/usr/"));
  const byPrefix = new Map(outside.map((python) => [python.prefix, python]));
  return [...byPrefix.values()].map(({ prefix, version }) => ({
    source: prefix,
    target: prefix,
    key: `interpreter ${version}`,
  }));
}

/** Folder with a copy of the machine's CA bundle, so that a proxy's own authority is trusted inside too; else certifi's. */
async function certificates(cache: string, python: PythonLayers, env: NodeJS.ProcessEnv): Promise<string> {
  const folder = join(cache, "certificates");
  const target = join(folder, certificateBundle);
  const lib = join(python.inference, "lib", `python${python.python.version.split(".").slice(0, 2).join(".")}`);
  const candidates = [
    env.SSL_CERT_FILE,
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    join(lib, "site-packages", "certifi", "cacert.pem"),
  ];
  for (const file of candidates) {
    if (!file || !(await stat(file).catch(() => undefined))?.isFile()) continue;
    await mkdir(folder, { recursive: true });
    const draft = `${target}.${randomBytes(6).toString("hex")}`;
    await copyFile(file, draft);
    await rename(draft, target);
    break;
  }
  return folder;
}
