/**
 * How the versions of code and models become one release tag; `menagerie:versioning.scheme`.
 *
 * - `deployment-manager`: `release-7`. Code and models have versions apart; the record says which were deployed together.
 * - `models-as-dependencies`: `v1.3.0`. One version of the code; a model of another version is a minor change of it.
 * - `tags`: `v1.2.3-rankerv42-writerv7`. Code and models in repositories of their own; the tag says all of their versions.
 * - `model-centric`: the same tags, for code and models in one repository.
 * - `code-centric`: `v1.3.0`. One version for a repository that holds one version of each model with the code.
 *
 * In staging every tag ends in `-rc.<N>`.
 */
export const schemes = [
  "deployment-manager",
  "models-as-dependencies",
  "tags",
  "model-centric",
  "code-centric",
] as const;

export type Scheme = (typeof schemes)[number];

/** What a scheme's tags are made of. */
export type TagShape = "numbered" | "joint" | "combined";

export function shapeOf(scheme: Scheme): TagShape {
  switch (scheme) {
    case "deployment-manager":
      return "numbered";
    case "models-as-dependencies":
    case "code-centric":
      return "joint";
    case "tags":
    case "model-centric":
      return "combined";
  }
}
