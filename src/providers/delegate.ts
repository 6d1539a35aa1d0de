import { isPackaged } from "../adapters/files/packaged.ts";

/**
 * What the engine keeps in the state of each dynamic resource and its provider host evaluates: a constant text that names
 * the kind; code and its imports stay where they are and are loaded when called. It names no path of one machine: a state is refreshed
 * and destroyed from whatever folder its program lies in by then, which is the working directory of the program and of the provider host.
 *
 * `pulumi.dynamic.Resource` would serialize a provider object into the same property, through the debugger's protocol and a
 * TypeScript compiler, and into twenty times as much text that changes with the SDK.
 *
 * @param packaged - whether the program uses the package. Default: whether this code is the package's
 */
export function delegate(kind: string, packaged: boolean = isPackaged): string {
  // A clean checkout has no compiled package that `menagerie/providers` could be: its stacks name the source.
  const door = packaged
    ? 'require.resolve("menagerie/providers", { paths: [process.cwd()] })'
    : 'require("node:path").resolve("src/providers/registry.ts")';
  return `exports.handler = () => require(${door}).delegateOf(${JSON.stringify(kind)});\n`;
}
