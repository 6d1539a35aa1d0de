import type { ParsedEnvironment } from "./environment.ts";
import { show } from "./fields.ts";
import { keyPath } from "./sentences.ts";

/** Keys that only pushing to a registry has a use for. */
const ofRegistry = ["repository", "image", "credentials"] as const;

/** Mistakes in what builds images that no single key shows. */
export function buildMistakes(
  {
    builds,
    nodeClass,
    namespace,
    services,
  }: Pick<ParsedEnvironment, "builds" | "nodeClass" | "namespace" | "services">,
  reservedNamespaces: RegExp,
): string[] {
  const at = (key: keyof ParsedEnvironment["builds"]) => keyPath(["builds", key]);
  const pushes = builds.kind === "tekton" && nodeClass !== "local";
  const mistakes: string[] = [];
  for (const key of ofRegistry) {
    const given = builds[key] !== undefined;
    if (given && builds.kind === "directory") {
      mistakes.push(
        `${at(key)}: only builds by Tekton push to a registry; set ${at("kind")} to tekton, or remove the key`,
      );
    } else if (given && !pushes) {
      mistakes.push(`${at(key)}: the local environment has no registry, and keeps directory images; remove the key`);
    } else if (!given && pushes && key !== "credentials") {
      mistakes.push(`${at(key)}: missing; ${instead[key]}`);
    }
  }
  if (builds.kind === "directory") return mistakes;
  const taken = { [namespace]: "is the namespace of the models", [services.namespace]: "is that of the services" };
  const other = taken[builds.namespace];
  if (other) {
    mistakes.push(
      `${at("namespace")}: ${show(builds.namespace)} ${other}; use one of its own, such as menagerie-builds: its pods may make user namespaces`,
    );
  } else if (reservedNamespaces.test(builds.namespace)) {
    mistakes.push(
      `${at("namespace")}: ${show(builds.namespace)} belongs to the cluster; use one of its own, such as menagerie-builds`,
    );
  }
  return mistakes;
}

const instead = {
  repository: "give registry and path that images are pushed to, such as registry.example.com/models",
  image: "give the image of rootless BuildKit as <url>@sha256:<digest>",
} as const;
