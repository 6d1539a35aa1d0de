import type { ParsedEnvironment } from "./environment.ts";
import { keyPath } from "./sentences.ts";

/** Variables of a release's environment that its state is found by. */
const ofRelease = /^(VERSION|DATABASE_SCHEMA|DATABASE_URL|API_URL|PG[A-Z]+)$/;

/** Mistakes in pipelines that no single key shows, but those of their pools. */
export function pipelineMistakes({ state, nodeClass }: Pick<ParsedEnvironment, "state" | "nodeClass">): string[] {
  return Object.entries(state?.pipelines ?? {}).flatMap(([name, pipeline]) => {
    const at = (...rest: PropertyKey[]) => keyPath(["state", "pipelines", name, ...rest]);
    const mistakes: string[] = [];
    if (pipeline.image !== undefined && pipeline.folder !== undefined) {
      mistakes.push(`${at("folder")}: its image is given, so none is made; remove one of the two`);
    }
    if (pipeline.image === undefined && nodeClass !== "local") {
      mistakes.push(`${at("image")}: missing; give it with its digest, as <url>@sha256:<64 hex digits>`);
    } else if (pipeline.image === undefined && pipeline.folder === undefined) {
      mistakes.push(`${at()}: has no code; give folder, such as pipelines, or image`);
    }
    if (pipeline.schedule !== undefined && pipeline.afterModels) {
      mistakes.push(`${at("afterModels")}: it runs by its schedule, whatever the models do; remove the key`);
    }
    for (const variable of Object.keys(pipeline.env)) {
      if (ofRelease.test(variable)) mistakes.push(`${at("env", variable)}: is set by the release; choose another name`);
    }
    return mistakes;
  });
}
