import { text } from "node:stream/consumers";
import { Command } from "commander";
import { agreementTo } from "../../domain/preview/agreement.ts";
import { describeRemoval, removals } from "../../domain/preview/removals.ts";
import { summarizePreview } from "../../domain/preview/summary.ts";
import { readPreview } from "../preview/readPreview.ts";
import { readStack } from "../stackText.ts";
import { declaredIn } from "../up/declaredModels.ts";
import { refuse } from "./refusals.ts";

/** `menagerie preview-summary < preview.json`: the comment for a pull request. */
export function previewSummaryCommand(): Command {
  return new Command("preview-summary")
    .option("--stack <name>", "the stack's name, for a preview that failed before it could say one")
    .addHelpText(
      "after",
      [
        "",
        "Example: menagerie pulumi -- preview --json > preview.json; menagerie preview-summary < preview.json",
        "With PULUMI_ENABLE_STREAMING_JSON_PREVIEW=1 the engine prints events, which tell what policies found too.",
      ].join("\n"),
    )
    .action(async ({ stack }: { stack?: string }) => {
      if (process.stdin.isTTY) {
        throw refuse("preview.from-a-terminal");
      }
      const preview = readPreview(await text(process.stdin), stack);
      // What a person agrees to by approving the pull request, for `menagerie up --agreed`.
      const config = await readStack(preview.stack).then(
        ({ reading }) => reading.config,
        () => ({}),
      );
      const list = removals(preview, declaredIn(config)).filter(({ asked }) => asked);
      const agreed =
        list.length > 0
          ? `\n### To agree to\n\n${list.map((each) => `- ${describeRemoval(each)}`).join("\n")}\n\n\`--agreed ${agreementTo(list)}\`\n`
          : "";
      process.stdout.write(`${summarizePreview(preview)}${agreed}`);
    });
}
