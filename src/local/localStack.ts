import { fileURLToPath } from "node:url";

/** Name of the project, as Pulumi.yaml has it. */
export const localProject = "menagerie";
/** The stack that an embedded environment runs. Each environment has a backend of its own, so one name is enough. */
export const localStack = "local";
/** Folder of the checkout. */
export const projectFolder = fileURLToPath(new URL("../..", import.meta.url));
