import { Command } from "commander";
import { readTakenBack } from "../../../adapters/postgres/takeBack/takeBacks.ts";
import { asReader, requireOperatorDatabase } from "../../operatorDatabase.ts";
import { givenOptions, jsonOption } from "../../options.ts";
import { reasonOf } from "../../rollout/git.ts";
import { type ProposedRevert, proposeReverts } from "../../rollout/proposedReverts.ts";
import { readStack } from "../../stackText.ts";
import { refuse } from "./refusals.ts";

export function proposeRevertsCommand(): Command {
  return new Command("propose-reverts")
    .description("Open a pull request with phase: reverted for each rollout that the guard took back.")
    .requiredOption("-s, --stack <name>", "stack whose file is edited; MENAGERIE_DATABASE_URL names its database")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
One pull request for each take-back; one that was closed or merged is not opened again. Run it in a checkout of the branch that is deployed.`,
    )
    .action(async (_own: object, command: Command) => {
      const { stack, json } = givenOptions<{ readonly stack: string; readonly json: boolean }>(command);
      requireOperatorDatabase(stack);
      const { path } = await readStack(stack);
      const takenBack = await asReader("local", readTakenBack);
      const proposed = await proposeReverts(path, stack, takenBack).catch((error: unknown) => {
        throw refuse("rollout.not-proposed", { stack, reason: reasonOf(error) }, error);
      });
      if (json) console.log(JSON.stringify(proposed, null, 2));
      else for (const line of proposed.flatMap(describe)) console.log(line);
    });
}

function describe({ model, takeBack, ...proposed }: ProposedRevert): string[] {
  if (proposed.kind === "not needed") return [];
  const { url, state } = proposed.pullRequest;
  const said =
    proposed.kind === "opened"
      ? "is proposed"
      : state === "open"
        ? "is proposed already"
        : "was proposed, and is closed";
  return [`${model}: phase: reverted after take-back ${takeBack} ${said}: ${url}`];
}
