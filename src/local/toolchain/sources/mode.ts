import { refuse } from "../refusals.ts";

const modes = ["auto", "release", "build"] as const;

/**
 * How tools that are neither in the cache nor on the machine come to be, as `MENAGERIE_TOOLS` says: `auto` takes released
 * executables where their hosts answer and builds the rest; `release` fails where a pinned release cannot be had; `build` asks
 * no host and takes no package.
 */
export type ToolsMode = (typeof modes)[number];

/** @default `auto` */
export function toolsMode(env: NodeJS.ProcessEnv): ToolsMode {
  const value = env.MENAGERIE_TOOLS || "auto";
  const mode = modes.find((each) => each === value);
  if (!mode) throw refuse("tools.mode", { value });
  return mode;
}

/** A base address instead of those of `tools/releases.yaml`, without a trailing slash: a mirror inside a company. */
export function mirrorAddress(env: NodeJS.ProcessEnv): string | undefined {
  const value = env.MENAGERIE_TOOLS_URL;
  if (!value) return undefined;
  if (!/^https?:$/.test(URL.parse(value)?.protocol ?? "")) {
    throw refuse("tools.mirror-url", { value });
  }
  return value.replace(/\/+$/, "");
}
