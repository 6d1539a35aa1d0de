import type { EnvironmentSpec } from "../../config/environment.ts";
import { type Issue, issuesError } from "../../config/issue.ts";
import { readStackText } from "../../config/stackFile.ts";
import { removeStored, storedKey, withStoredValues } from "../../config/storedValues.ts";
import { inEnvironment } from "../../domain/printedCommands.ts";
import { retold } from "../../domain/refusals/refusal.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { projectFolder } from "../../local/localStack.ts";
import { addresses, ports } from "../../local/network/addresses.ts";
import { committedBytes, committedFile, storedValues, undecryptableValues } from "../../local/stackConfig.ts";
import { checkStack, type StackCheck } from "../../plan/checkStack.ts";

/** Stands for what only a running environment can tell. */
const unknownGateway = "http://127.0.0.1";

/**
 * What the stack of an environment declares, checked as its program does it and before anything is brought up: a mistake costs no
 * minutes. Throws one `OperatorError` with a line per mistake. The gateway's address and the values of secrets are made up.
 * `committed` is the stack file of the checkout.
 */
export async function declaredEnvironment(
  layout: EnvironmentLayout,
  target: "embedded" | "existing",
  committed?: Uint8Array,
): Promise<EnvironmentSpec> {
  const { issues, spec } = await checkedEnvironment(layout, target, committed);
  if (!spec) throw issuesError(issues);
  return spec;
}

/** The same, with the mistakes as values. */
export async function checkedEnvironment(
  layout: EnvironmentLayout,
  target: "embedded" | "existing",
  committed?: Uint8Array,
): Promise<StackCheck> {
  const database = process.env.MENAGERIE_DATABASE_ADDRESS;
  const stored = await storedValues(layout);
  const { issues, ...checked } = await checkStack(readStackText(committed ?? (await committedBytes()), committedFile), {
    file: committedFile,
    project: projectFolder,
    stored: (config) => withStoredValues(config, stored),
    undecryptable: (config) => undecryptableValues(layout, config),
    removal:
      target === "embedded"
        ? `menagerie down -e ${layout.name} --delete`
        : `menagerie pulumi -e ${layout.name} -- destroy`,
    defaults: {
      embedded: target === "embedded",
      gatewayUrl: unknownGateway,
      databaseAddress: target === "embedded" ? `${addresses.host}:${ports.postgres}` : database,
    },
  });
  return { ...checked, issues: issues.map((issue) => withEnginesCommand(issue, layout)) };
}

/** The user's own `pulumi` would store a value in the committed file, with a key that the environment does not have. */
function withEnginesCommand({ refusal, message, fix, ...rest }: Issue, { name }: EnvironmentLayout): Issue {
  const own = (text: string): string =>
    inEnvironment(text.replaceAll("`pulumi config ", `\`menagerie pulumi -e ${name} -- config `), name);
  return { ...rest, refusal: retold(refusal, own(message)), message: own(message), fix: fix && own(fix) };
}

/** Names the keys whose values this environment has stored, which win over the stack file; undefined where there are none. */
export async function storedSentence(layout: EnvironmentLayout): Promise<string | undefined> {
  const stored = await storedValues(layout);
  const [first] = stored;
  if (!first) return undefined;
  const keys = stored.map(({ path }) => storedKey(path)).join(", ");
  const command = `menagerie pulumi -e ${layout.name} -- ${removeStored(first.path)}`;
  return `environment "${layout.name}" has stored ${keys} by \`config set\`, which wins over ${committedFile}; to undo it, run \`${command}\``;
}
