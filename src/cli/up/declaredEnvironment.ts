import type { EnvironmentSpec } from "../../config/environment.ts";
import { readStackText } from "../../config/stackFile.ts";
import { localConfig } from "../../local/engine.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { localStack, projectFolder } from "../../local/localStack.ts";
import { addresses, ports } from "../../local/network/addresses.ts";
import { checkStack, refuse, type StackCheck } from "../../plan/checkStack.ts";

/** Stands for what only a running environment can tell. */
const unknownGateway = "http://127.0.0.1";

/**
 * What the stack of an environment declares, checked as its program does it and before anything is brought up: a mistake costs no
 * minutes. Throws one `badInput` with a line per mistake. The gateway's address and the values of secrets are made up.
 */
export async function declaredEnvironment(
  layout: EnvironmentLayout,
  target: "embedded" | "existing",
): Promise<EnvironmentSpec> {
  const { mistakes, spec } = await checkedEnvironment(layout, target);
  if (!spec) throw refuse(mistakes);
  return spec;
}

/** The same, with the mistakes as values. */
export async function checkedEnvironment(
  layout: EnvironmentLayout,
  target: "embedded" | "existing",
): Promise<StackCheck> {
  const file = `Pulumi.${localStack}.yaml`;
  const database = process.env.MENAGERIE_DATABASE_ADDRESS;
  const { bytes, keep } = await localConfig(layout);
  return checkStack(readStackText(bytes, file), {
    ...{ file, project: projectFolder, stored: keep },
    removal:
      target === "embedded"
        ? `menagerie down -e ${layout.name} --delete`
        : `menagerie pulumi -e ${layout.name} -- destroy`,
    surroundings: {
      gatewayUrl: unknownGateway,
      databaseAddress: target === "embedded" ? `${addresses.host}:${ports.postgres}` : database,
    },
  });
}
