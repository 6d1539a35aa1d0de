import { Command } from "commander";
import type { ReleaseLogin } from "../../domain/release/environment.ts";
import { environmentOption, jsonOption, loginOption, releaseOption } from "../options.ts";
import { readReleaseEnvironment } from "../releaseEnvironment.ts";

interface EnvOptions {
  readonly environment: string;
  readonly release?: string;
  readonly as: ReleaseLogin;
  readonly host: boolean;
  readonly secrets: boolean;
  readonly json: boolean;
}

export function envCommand(): Command {
  return new Command("env")
    .addOption(releaseOption())
    .addOption(loginOption("service"))
    .option("--host", "with the addresses that answer on this machine", false)
    .option("--secrets", "print secret values too", false)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText("after", '\nExample: set -a; eval "$(menagerie env --host --secrets)"; set +a')
    .action(async (options: EnvOptions) => {
      const { values, secrets, host } = await readReleaseEnvironment(options.environment, options.as, options.release);
      const all = Object.entries({ ...values, ...(options.host ? host.overrides : {}) }).sort(([a], [b]) =>
        a < b ? -1 : 1,
      );
      const shown = all.filter(([name]) => options.secrets || !secrets.includes(name));
      if (options.json) console.log(JSON.stringify(Object.fromEntries(shown), null, 2));
      else for (const [name, value] of shown) console.log(`${name}=${quoted(value)}`);
      if (options.host) for (const command of host.portForwards) console.error(`needs: ${command}`);
      if (shown.length < all.length) console.error(`left out, for they are secret: ${secrets.join(", ")} (--secrets)`);
    });
}

/** For a POSIX shell. */
function quoted(value: string): string {
  return /^[A-Za-z0-9_./:@%+,-]*$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
