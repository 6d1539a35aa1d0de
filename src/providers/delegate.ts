import type { dynamic } from "@pulumi/pulumi";

/**
 * The provider of every dynamic resource. The engine serializes it into each resource's state, so it is constant and
 * captures one string; code and its imports stay in the checkout and are loaded when called. Relative to the project's
 * root, which is the working directory of the program and of the provider host (Pulumi.yaml has no `main`).
 */
export function delegate(kind: string): dynamic.ResourceProvider {
  return {
    check: (olds, news) => require(require("node:path").resolve("src/providers/registry.ts")).check(kind, olds, news),
    diff: (id, olds, news) =>
      require(require("node:path").resolve("src/providers/registry.ts")).diff(kind, id, olds, news),
    create: (inputs) => require(require("node:path").resolve("src/providers/registry.ts")).create(kind, inputs),
    read: (id, props) => require(require("node:path").resolve("src/providers/registry.ts")).read(kind, id, props),
    update: (id, olds, news) =>
      require(require("node:path").resolve("src/providers/registry.ts")).update(kind, id, olds, news),
    delete: (id, props) => require(require("node:path").resolve("src/providers/registry.ts")).remove(kind, id, props),
  };
}
