import type * as z from "zod";
import { nameBounds } from "../domain/generatedNames.ts";
import { refused } from "../domain/refusals/refusal.ts";
import { longestKubernetesTag } from "../domain/release/environment.ts";
import { flag, listOf, mapping, namesTo, text, wholeNumber } from "./fields.ts";
import { schemaRefusals } from "./sentences.ts";
import { environmentVariables, poolName, resources } from "./zoo.ts";

/** A Job's name is a label's value, `<pipeline>-<tag>`, of which the tag may have 40 characters. */
const longestName = nameBounds.label.longest - longestKubernetesTag - 1;
const pipelineName = new RegExp(`^[a-z]([a-z0-9-]{0,${longestName - 2}}[a-z0-9])?$`);

const pipeline = mapping(
  {
    command: listOf(
      text(/^[^\0]+$/, "give text in quotes", "The program, or an argument."),
      "write [node, pipelines/embed.ts]",
      "Program and arguments that its container runs.",
    ),
    image: text(
      /^[^\s@]+@sha256:[0-9a-f]{64}$/,
      "give it with its digest, as <url>@sha256:<64 hex digits>",
      "Image of the container, by digest. Default: one made of `folder`.",
    ).optional(),
    folder: text(
      /^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\0\\]+$/,
      "give a folder relative to the project, such as pipelines",
      "Folder of the project that the image is made of, in the local environment only: it is at /app/<folder> beside the project's packages, with their Node.js in the PATH. Default: none.",
    ).optional(),
    schedule: text(
      /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[0-9A-Za-z*,/?-]+( [0-9A-Za-z*,/?-]+){4})$/,
      'write minute, hour, day of month, month and day of week, such as "0 3 * * *"',
      "When it runs in the current release, as a CronJob; nothing waits for it. Default: none, it runs once for each release, as a Job that `up` waits for.",
    ).optional(),
    timeZone: text(
      /^[A-Za-z][A-Za-z0-9+_/-]*$/,
      "give a name such as Europe/Berlin",
      "Time zone of the schedule. Default: Etc/UTC.",
    ).default("Etc/UTC"),
    afterModels: flag(
      "Whether it runs once the release's models answer, so that it may ask them at <MODEL>_URL. Default: false, the models start with what it built.",
    ).default(false),
    timeoutMinutes: wholeNumber(
      1,
      10_080,
      "How long one run may take, with its retries. Unit: minutes. Default: 60.",
    ).default(60),
    retries: wholeNumber(0, 20, "Pods that are tried after one that failed, in one run. Default: 0.").default(0),
    pool: poolName,
    resources: resources.prefault({}),
    env: environmentVariables,
  },
  "write {folder: pipelines, command: [node, pipelines/embed.ts]}",
  "One pipeline.",
);

export const pipelines = namesTo(
  pipelineName,
  "use up to 22 lower-case letters, digits and -, starting with a letter, such as embed",
  pipeline,
  "write {<pipeline>: {image: <url>@sha256:<digest>, command: [<program>]}}",
  "What builds the state beside the seeding: Jobs and CronJobs in the models' namespace, configured by the environment of the release alone. Default: none.",
).default({});

/** A pipeline with its defaults filled in. */
export type PipelineSpec = z.output<typeof pipeline>;

/**
 * A pipeline as a program declares it, its defaults filled in.
 * @throws OperatorError with a line for each mistake
 */
export function declaredPipeline(name: string, entry: object): PipelineSpec {
  const parsed = pipelines.safeParse({ [name]: entry }, { reportInput: true });
  if (!parsed.success) throw refused(schemaRefusals(parsed.error.issues, ["state", "pipelines"]));
  const declared = parsed.data[name];
  if (!declared) throw new Error(`pipeline ${name} was not parsed`);
  return declared;
}
