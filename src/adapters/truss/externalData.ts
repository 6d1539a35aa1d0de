import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { Agent, buildConnector, fetch, getGlobalDispatcher } from "undici";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { messageOf } from "../../domain/errors.ts";
import type { TrussConfig } from "../../domain/truss/config.ts";
import { refuse } from "./refusals.ts";

/** The address to connect to for a host and port. Throws where nothing may be read from there. */
export type AddressOf = (host: string, port: number) => Promise<string>;

/**
 * Downloads a truss's `external_data` into the image's data folder, as its Dockerfile would.
 *
 * @param addressOf - where files may come from, redirects included. @default anywhere
 * @throws OperatorError that names the address and what went wrong.
 */
export async function downloadExternalData(
  dataFolder: string,
  config: TrussConfig,
  name: string,
  signal: AbortSignal,
  addressOf?: AddressOf,
): Promise<void> {
  const dispatcher = addressOf ? guarded(addressOf) : getGlobalDispatcher();
  for (const item of config.external_data ?? []) {
    const target = join(dataFolder, item.local_data_path);
    await mkdir(dirname(target), { recursive: true });
    try {
      const response = await fetch(item.url, { signal, dispatcher });
      if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
      await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(target), { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw refuse(
        "truss.external-data",
        { name, url: maskedText(item.url), reason: maskedText(reasonOf(error)) },
        error,
      );
    }
  }
}

/** Asks before every connection, so that neither a name nor a redirect leads elsewhere. */
function guarded(addressOf: AddressOf): Agent {
  const connect = buildConnector({});
  return new Agent({
    connect(options, callback) {
      const { hostname, protocol, port } = options;
      addressOf(hostname, Number(port || (protocol === "https:" ? 443 : 80))).then(
        (address) => connect({ ...options, hostname: address }, callback),
        (error: Error) => callback(error, null),
      );
    },
  });
}

/** Of a failed fetch, what its cause says: itself it says that it failed. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof Error ? cause.message : messageOf(error);
}
