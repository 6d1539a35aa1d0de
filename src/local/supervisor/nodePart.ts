import { fileURLToPath } from "node:url";
import type { ControlContext } from "../control/context.ts";
import type { PartSpec } from "./supervisedProcess.ts";

/** A part of the environment that is a Node program of this repository: it gets the environment's name and home. */
export function nodePart(context: ControlContext, name: string, program: string, after: readonly string[]): PartSpec {
  const { layout, tools } = context;
  return {
    name,
    launch: async () => ({
      command: process.execPath,
      args: [fileURLToPath(new URL(`../${program}`, import.meta.url)), layout.name, layout.home],
      env: { MENAGERIE_CONTAINER_SHIM: await tools.part("container-shim") },
    }),
    after,
    ready: "message",
  };
}
