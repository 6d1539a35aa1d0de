import { readFile } from "node:fs/promises";
import { Command } from "commander";
import manifest from "../../../package.json" with { type: "json" };
import { undecryptable } from "../../config/ciphers.ts";
import { keysNotDecrypted } from "../../config/decryption.ts";
import { type Issue, issueLine } from "../../config/issue.ts";
import { environmentLayout } from "../../local/layout.ts";
import { localStack, projectFolder } from "../../local/localStack.ts";
import { readTarget } from "../../local/target.ts";
import { checkStack, type StackCheck } from "../../plan/checkStack.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { readStack } from "../stackText.ts";
import { unknownDefaults } from "../unknownDefaults.ts";
import { checkedEnvironment, storedSentence } from "../up/declaredEnvironment.ts";
import { sarif } from "../validate/sarif.ts";

interface ValidateOptions {
  readonly environment: string;
  readonly stack: string;
  readonly json: boolean;
  readonly sarif: boolean;
}

export function validateCommand(): Command {
  return new Command("validate")
    .option("-s, --stack <name>", "the stack whose file is checked", localStack)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .option("--sarif", "print SARIF 2.1.0 only on standard output, for code reviews", false)
    .addHelpText(
      "after",
      "\nReads files only, and needs neither a cluster nor a database. Exits with 2 if there are mistakes.",
    )
    .action(async (options: ValidateOptions) => {
      const { issues, warnings = [] } = await check(options);
      const stored =
        options.stack === localStack ? await storedSentence(environmentLayout(options.environment)) : undefined;
      if (stored) console.error(`note: ${stored}`);
      if (issues.length > 0) process.exitCode = 2;
      if (options.sarif) return console.log(JSON.stringify(sarif(issues, manifest.version, warnings), null, 2));
      if (options.json) {
        const read = { stack: options.stack, mistakes: issues.map(printed), warnings: warnings.map(printed) };
        return console.log(JSON.stringify(read, null, 2));
      }
      for (const warning of warnings) console.error(`warning: ${issueLine(warning)}`);
      if (issues.length === 0) console.log(`Pulumi.${options.stack}.yaml has no mistakes.`);
      else for (const issue of issues) console.error(issueLine(issue));
    });
}

function printed({ refusal: _, ...each }: Issue): Omit<Issue, "refusal"> {
  return each;
}

async function check({ stack, environment }: ValidateOptions): Promise<StackCheck> {
  if (stack === localStack) {
    const layout = environmentLayout(environment);
    return checkedEnvironment(layout, (await readTarget(layout))?.kind ?? "embedded");
  }
  const { file, reading } = await readStack(stack);
  const { MENAGERIE_GATEWAY_URL: gatewayUrl, MENAGERIE_DATABASE_ADDRESS: databaseAddress } = process.env;
  // What an `environment:` adds is not known here, so nothing is called missing.
  const defaults = reading.imports ? unknownDefaults : { gatewayUrl, databaseAddress };
  const salt = reading.settings.encryptionsalt;
  const passphrase = await stackPassphrase(process.env);
  return checkStack(reading, {
    file,
    defaults,
    removal: `menagerie destroy -s ${stack}`,
    project: projectFolder,
    undecryptable: async (config) =>
      (await keysNotDecrypted(config, { salt, passphrase })).map((key) => undecryptable(key)),
  });
}

/** The passphrase that the engine would take; undefined where there is none, and nothing is decrypted. */
async function stackPassphrase(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { PULUMI_CONFIG_PASSPHRASE: passphrase, PULUMI_CONFIG_PASSPHRASE_FILE: file } = env;
  if (passphrase !== undefined || !file) return passphrase;
  return (await readFile(file, "utf8").catch(() => undefined))?.trim();
}
