import { type Refusal, refusal } from "../domain/refusals/refusal.ts";
import type { ParsedEnvironment } from "./environment.ts";
import { show } from "./fields.ts";
import { keyPath } from "./sentences.ts";

/** Keys that only pushing to a registry has a use for. */
const ofRegistry = ["repository", "image", "credentials"] as const;

/** Mistakes in what builds images that no single key shows. */
export function buildIssues(
  {
    builds,
    nodeClass,
    namespace,
    services,
  }: Pick<ParsedEnvironment, "builds" | "nodeClass" | "namespace" | "services">,
  reservedNamespaces: RegExp,
): Refusal[] {
  const at = (key: keyof ParsedEnvironment["builds"]) => keyPath(["builds", key]);
  const pushes = builds.kind === "tekton" && nodeClass !== "local";
  const issues: Refusal[] = [];
  for (const key of ofRegistry) {
    const given = builds[key] !== undefined;
    if (given && builds.kind === "directory") {
      issues.push(refusal("builds.registry-key", at(key), { kind: at("kind") }));
    } else if (given && !pushes) {
      issues.push(refusal("builds.local-registry", at(key)));
    } else if (!given && pushes && key !== "credentials") {
      issues.push(refusal("builds.key-missing", at(key), { give: instead[key] }));
    }
  }
  if (builds.kind === "directory") return issues;
  const taken = { [namespace]: "is the namespace of the models", [services.namespace]: "is that of the services" };
  const other = taken[builds.namespace];
  if (other) {
    issues.push(
      refusal("namespace.shared", at("namespace"), {
        namespace: show(builds.namespace),
        holds: other,
        change: "use one of its own, such as menagerie-builds: its pods may make user namespaces",
      }),
    );
  } else if (reservedNamespaces.test(builds.namespace)) {
    issues.push(
      refusal("namespace.reserved", at("namespace"), {
        namespace: show(builds.namespace),
        there: "",
        change: "use one of its own, such as menagerie-builds",
      }),
    );
  }
  return issues;
}

const instead = {
  repository: "give registry and path that images are pushed to, such as registry.example.com/models",
  image: "give the image of rootless BuildKit as <url>@sha256:<digest>",
} as const;
