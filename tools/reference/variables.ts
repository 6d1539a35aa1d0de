import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "./declarations.ts";
import { code, generated, page, prose, table } from "./markdown.ts";

/** Variables that people set, with what they mean. All others are set by Menagerie itself, on its own processes and pods. */
export const userVariables: Readonly<Record<string, string>> = {
  MENAGERIE_HOME:
    "Folder that holds embedded environments. Default: `menagerie` in the user's data folder (`~/.local/share`).",
  MENAGERIE_CACHE:
    "Folder of built tools and Python environments, shared by all environments. Default: `~/.cache/menagerie`.",
  MENAGERIE_ENVIRONMENT: "The embedded environment that commands are about, as `-e`. Default: `local`.",
  MENAGERIE_API_URL: "Address of the API service. Default: that of the environment.",
  MENAGERIE_API_KEY:
    "Key that commands send to models and to the API service. Default: none; commands that need one read the stack's own from an embedded environment.",
  MENAGERIE_GATEWAY_URL: "Address of the gateway, where `menagerie:gateway.url` is missing. `menagerie up` sets it.",
  MENAGERIE_DATABASE_URL:
    "PostgreSQL of a stack, as this machine reaches it: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`. It overrides the stack's `database`.",
  MENAGERIE_DATABASE_ADDRESS: "The same server as `host:port`, as pods reach it.",
  MENAGERIE_MIGRATION_DATABASE_URL:
    "Database of `menagerie:migrationTarget` and of `rollout --target`. It overrides the url in the config.",
  MENAGERIE_NEW_DATABASE:
    "`true`: the platform's tables may be gone, and `up` begins with empty ones. Default: such an `up` is refused.",
  MENAGERIE_SAMPLES:
    "`s3://<bucket>/<folder>/`, where `sample export` puts samples and `recording forget` looks for them.",
  MENAGERIE_TOOLS:
    "How tools that are missing are obtained: `auto`, `release` or `build`. Default: `auto`; see [where the tools come from](../toolchain.md#modes).",
  MENAGERIE_TOOLS_URL: "A mirror of all releases, see [a mirror](../toolchain.md#a-mirror).",
  MENAGERIE_ENVOY: "An Envoy of your own. Default: the pinned release.",
  MENAGERIE_PYTHON: "The Python (3.10 to 3.13) that truss environments are made with. Default: the newest on the PATH.",
};

/** docs/reference/environment-variables.md: every variable that the code reads. */
export function variablesPage(): string {
  const files = globSync(["src/**/*.{ts,mjs}", "bin/*.mjs", "components/*.ts"], { cwd: project });
  const named = files.flatMap(
    (file) => readFileSync(join(project, file), "utf8").match(/\bMENAGERIE_[A-Z_]*[A-Z]\b/g) ?? [],
  );
  const others = [...new Set(named)].filter((name) => !(name in userVariables)).sort();
  return page(
    "# Environment variables",
    "Variables that commands and programs read. `http_proxy`, `https_proxy`, `no_proxy` and the settings of npm, pip, uv and Go count as usual.",
    generated("`tools/reference/variables.ts` and the names in the sources"),
    table(
      ["Variable", "Meaning"],
      Object.entries(userVariables).map(([name, meaning]) => [code(name), prose(meaning)]),
    ),
    "## Set by Menagerie",
    "The program and the environment set these on their own processes and pods. They are listed so that you recognize them; do not set them.",
    others.map(code).join(", "),
  );
}
