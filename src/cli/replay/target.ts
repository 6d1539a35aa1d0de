import { readFile } from "node:fs/promises";
import { messageOf } from "../../domain/errors.ts";
import { environmentLayout } from "../../local/layout.ts";
import { type EngineTarget, readTarget } from "../../local/target.ts";
import { refuse } from "../commands/refusals.ts";
import { type DeployedModel, findModel, readModels } from "../models.ts";
import { knownEnvironment } from "../options.ts";

/** Where recorded requests are sent, and what is sent with each of them. */
export interface ReplayTarget {
  readonly url: string;
  /** A key, or nothing. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * The target that `--to` names. MENAGERIE_API_KEY opens this environment, so it is sent to addresses of this environment only; any other target gets
 * the key of `--api-key`, or none.
 *
 * @param options.to - a model of the stack, or a url
 * @param options.apiKey - a key, or `@` and a file with it
 */
export async function replayTarget({
  to,
  environment,
  apiKey,
}: {
  readonly to: string;
  readonly environment: string;
  readonly apiKey?: string | undefined;
}): Promise<ReplayTarget> {
  const given = apiKey === undefined ? undefined : await keyOf(apiKey);
  const ambient = process.env.MENAGERIE_API_KEY || undefined;
  if (!/^https?:\/\//.test(to)) {
    const { layout } = await knownEnvironment(environment);
    return { url: findModel(await readModels(layout), to).url, headers: headersWith(given ?? ambient) };
  }
  if (!URL.canParse(to)) throw refuse("replay.bad-url", { to });
  if (given !== undefined || ambient === undefined) return { url: to, headers: headersWith(given) };
  const isOwn = (await ownOrigins(environment)).has(new URL(to).origin);
  if (!isOwn) {
    console.error(
      `MENAGERIE_API_KEY is not sent: ${new URL(to).origin} is not an address of environment "${environment}". Use --api-key to send a key there.`,
    );
  }
  return { url: to, headers: headersWith(isOwn ? ambient : undefined) };
}

/** Origins of the gateway, of the API service, and of what the stack's models are predicted at. */
async function ownOrigins(environment: string): Promise<ReadonlySet<string>> {
  const layout = environmentLayout(environment);
  const target = await readTarget(layout);
  return originsOf(target, target ? await readModels(layout) : []);
}

function originsOf(target: EngineTarget | undefined, models: readonly DeployedModel[]): ReadonlySet<string> {
  const urls = [process.env.MENAGERIE_API_URL, target?.gatewayUrl, target?.apiUrl, ...models.map(({ url }) => url)];
  return new Set(urls.flatMap((url) => (url && URL.canParse(url) ? [new URL(url).origin] : [])));
}

async function keyOf(given: string): Promise<string> {
  if (!given.startsWith("@")) return given;
  const file = given.slice(1);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw refuse("replay.key-unreadable", { file, reason: messageOf(error) }, error);
  });
  return text.trim();
}

function headersWith(key: string | undefined): Readonly<Record<string, string>> {
  return key === undefined ? {} : { "x-api-key": key };
}
