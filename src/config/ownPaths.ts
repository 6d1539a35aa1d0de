import * as z from "zod";
import { coveredOwnPath, mostOwnPaths, ownPathMistake } from "../domain/protocols/ownPaths.ts";
import { listOf, show } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

const expected = "write [/generate, /api/], or remove the key";

const ownPath = z
  .string({ error: ({ input }) => wrong(`${show(input)} is not a path`, "write one such as /generate") })
  .refine((path) => ownPathMistake(path) === undefined, {
    error: ({ input }) => {
      const { says = "", fix = "" } = ownPathMistake(String(input)) ?? {};
      return wrong(`${show(input)} ${says}`, fix);
    },
  })
  .meta({ description: "A path at the model: /generate is that path alone, /api/ what is below it." });

/** `paths` of what has a route to a model. */
export const ownPaths = listOf(
  ownPath,
  expected,
  "Paths that the model serves besides those of protocols (/v1/, /v2/ and /openai/v1/), such as /generate, or /api/ for everything below it: the gateway takes them to the model, and POST requests to them are predictions. Unit: at most 10 paths. Default: none.",
)
  .max(mostOwnPaths, { error: () => wrong(`has more than ${mostOwnPaths} paths`, "name a path that they are below") })
  .refine((paths) => coveredOwnPath(paths) === undefined, {
    error: ({ input }) => {
      const paths = input as readonly string[];
      const covered = coveredOwnPath(paths);
      const path = paths[covered?.index ?? 0];
      return covered?.by === path
        ? wrong(`has ${show(path)} twice`, "remove one")
        : wrong(`${show(path)} is below ${show(covered?.by)}`, "remove one of the two");
    },
  })
  .optional();
