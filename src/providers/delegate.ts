/**
 * What the engine keeps in the state of each dynamic resource and its provider host evaluates: a constant text that names
 * the kind; code and its imports stay in the checkout and are loaded when called. Relative to the project's root, which is
 * the working directory of the program and of the provider host (Pulumi.yaml has no `main`).
 *
 * `pulumi.dynamic.Resource` would serialize a provider object into the same property, through the debugger's protocol and a
 * TypeScript compiler, and into twenty times as much text that changes with the SDK.
 */
export function delegate(kind: string): string {
  return `exports.handler = () => require(require("node:path").resolve("src/providers/registry.ts")).delegateOf(${JSON.stringify(kind)});\n`;
}
