import { text } from "node:stream/consumers";
import { Command } from "commander";
import { badInput } from "../../domain/errors.ts";
import { summarizePreview } from "../../domain/preview/summary.ts";
import { readPreview } from "../preview/readPreview.ts";

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
        throw badInput("standard input: is a terminal; give it what `pulumi preview --json` printed");
      }
      process.stdout.write(summarizePreview(readPreview(await text(process.stdin), stack)));
    });
}
