import { alertsPage } from "./alerts.ts";
import { apiPage } from "./api.ts";
import { commandsPage } from "./commands.ts";
import { componentsPage } from "./components.ts";
import { configPage } from "./config.ts";
import { databasePage } from "./database.ts";
import { metricsPage } from "./metrics.ts";
import { outputsPage } from "./outputs.ts";
import { variablesPage } from "./variables.ts";

/** The pages of docs/reference by file name. */
export const referencePages: Readonly<Record<string, () => string | Promise<string>>> = {
  "config.md": configPage,
  "commands.md": commandsPage,
  "environment-variables.md": variablesPage,
  "outputs.md": outputsPage,
  "metrics.md": metricsPage,
  "alerts.md": alertsPage,
  "api.md": apiPage,
  "database.md": databasePage,
  "components.md": componentsPage,
};
