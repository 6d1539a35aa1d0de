import { commandsPage } from "./commands.ts";

/** The pages of docs/reference by file name. */
export const referencePages: Readonly<Record<string, () => string | Promise<string>>> = {
  "commands.md": commandsPage,
};
