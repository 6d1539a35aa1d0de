import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import * as z from "zod";
import { readTruss, type TrussReading } from "../../adapters/truss/snapshot.ts";
import { messageOf } from "../../domain/errors.ts";
import { computePatch } from "../../domain/patch/compute.ts";
import { describeOperation } from "../../domain/patch/describe.ts";
import { configFilename } from "../../domain/truss/config.ts";
import { hashSnapshot } from "../../domain/truss/hash.ts";
import { signatureOf, type TrussSignature } from "../../domain/truss/signature.ts";
import { jsonOption } from "../options.ts";
import { refuse } from "./refusals.ts";

const hex = z.string().regex(/^[0-9a-f]{64}$/, "is not a BLAKE3 hash of 64 hex digits");
const signatureFile = z.object({
  content_hashes_by_path: z.record(z.string(), hex.nullable()),
  config: z.string(),
  requirements_file_requirements: z.array(z.string()).default([]),
});

/** `menagerie truss …`: what a truss folder is, and how one becomes another. */
export function trussCommand(): Command {
  return new Command("truss").addCommand(hashCommand()).addCommand(signatureCommand()).addCommand(patchCommand());
}

function hashCommand(): Command {
  return new Command("hash")
    .description("Print the content hash of a truss, 64 hex digits.")
    .argument("<dir>", "folder that holds config.yaml")
    .addOption(jsonOption())
    .action(async (folder: string, options: { json: boolean }) => {
      const { snapshot, patterns } = await readFolder(folder);
      const hash = hashSnapshot(snapshot, patterns);
      console.log(options.json ? JSON.stringify({ hash }) : hash);
    });
}

function signatureCommand(): Command {
  return new Command("signature")
    .description("Print the signature of a truss, which later patches are computed against, as JSON.")
    .argument("<dir>", "folder that holds config.yaml")
    .addOption(jsonOption())
    .action(async (folder: string, options: { json: boolean }) => {
      const { snapshot, patterns } = await readFolder(folder);
      const signature = signatureOf(snapshot, patterns);
      console.log(JSON.stringify(signature, null, options.json ? undefined : 2));
    });
}

function patchCommand(): Command {
  return new Command("patch")
    .description("Say how a truss with a signature becomes what is in a folder: by patches, or by a full deployment.")
    .argument("<signature.json>", "what `menagerie truss signature` printed before")
    .argument("<dir>", "folder that holds config.yaml")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample: menagerie truss signature models/iris > before.json; menagerie truss patch before.json models/iris",
    )
    .action(async (file: string, folder: string, options: { json: boolean }) => {
      const signature = await readSignature(file);
      const { snapshot, patterns } = await readFolder(folder);
      const plan = computePatch(signature, snapshot, patterns);
      if ("fullDeployment" in plan) {
        const { fullDeployment } = plan;
        console.log(options.json ? JSON.stringify({ fullDeployment }) : lines("full deployment", fullDeployment));
      } else {
        const { nextHash, patches } = plan;
        console.log(
          options.json ? JSON.stringify({ nextHash, patches }) : lines(nextHash, patches.map(describeOperation)),
        );
      }
    });
}

async function readFolder(folder: string): Promise<TrussReading> {
  const reading = await readTruss(folder);
  const hasConfig = await stat(join(folder, configFilename)).catch(() => undefined);
  if (hasConfig) return reading;
  throw refuse("truss.folder-without-config", { folder, configFilename });
}

async function readSignature(file: string): Promise<TrussSignature> {
  let text: string;
  let value: unknown;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw refuse("signature.unreadable", { file, reason: messageOf(error) }, error);
  }
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse("signature.not-json", { file }, error);
  }
  const parsed = signatureFile.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refuse("signature.wrong", {
    file,
    path: issue?.path.join(".") || "signature",
    reason: issue?.message ?? "wrong",
  });
}

function lines(first: string, rest: readonly string[]): string {
  return [first, ...rest.map((line) => `  ${line}`)].join("\n");
}
