import { commandsPage } from "./commands.ts";
import { configPage } from "./config.ts";

/** The pages of docs/reference by file name. */
export const referencePages: Readonly<Record<string, () => string | Promise<string>>> = {
  "config.md": configPage,
  "commands.md": commandsPage,
};
