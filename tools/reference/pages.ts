import { refusalsPage } from "../../src/refusals/reference.ts";
import { tables } from "../../src/refusals/tables.ts";
import { alertsPage } from "./alerts.ts";
import { apiPage } from "./api.ts";
import { commandsPage } from "./commands.ts";
import { componentsPage } from "./components.ts";
import { configPage } from "./config.ts";
import { databasePage } from "./database.ts";
import { metricsPage } from "./metrics.ts";
import { modulesPage } from "./modules.ts";
import { outputsPage } from "./outputs.ts";
import { variablesPage } from "./variables.ts";

/** Pages that are made from the code, by path below docs. */
export const generatedPages: Readonly<Record<string, () => string | Promise<string>>> = {
  "reference/config.md": configPage,
  "reference/commands.md": commandsPage,
  "reference/environment-variables.md": variablesPage,
  "reference/outputs.md": outputsPage,
  "reference/metrics.md": metricsPage,
  "reference/alerts.md": alertsPage,
  "reference/api.md": apiPage,
  "reference/database.md": databasePage,
  "reference/components.md": componentsPage,
  "modules.md": modulesPage,
  "refusals.md": () => refusalsPage(tables),
};
