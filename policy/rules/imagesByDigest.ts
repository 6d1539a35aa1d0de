import { containersOf } from "./containers.ts";
import type { Rule } from "./rule.ts";

/** `sha256:` and 64 hex digits; of an image that is still to be built the program's mocks say `<digest>`. */
const byDigest = /@sha256:([0-9a-f]{64}|<digest>)$/;

/** A tag can be moved; then the same stack runs other code. */
export const imagesByDigest: Rule = {
  name: "images-by-digest",
  description: "Containers name their image by digest: a tag can be moved to other code behind the stack's back.",
  violations: (resource) =>
    containersOf(resource)
      .filter(({ image }) => typeof image === "string" && !byDigest.test(image))
      .map(({ name, image }) => `container ${name}: image "${image}" has no digest; use NAME@sha256:…`),
};
