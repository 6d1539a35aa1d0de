import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { messageOf } from "../../domain/errors.ts";
import type { TrussConfig } from "../../domain/truss/config.ts";
import { refuse } from "./refusals.ts";

/**
 * Downloads a truss's `external_data` into the image's data folder, as its Dockerfile would.
 * @throws OperatorError that names the address and what went wrong.
 */
export async function downloadExternalData(
  dataFolder: string,
  config: TrussConfig,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  for (const item of config.external_data ?? []) {
    const target = join(dataFolder, item.local_data_path);
    await mkdir(dirname(target), { recursive: true });
    try {
      const response = await fetch(item.url, { signal });
      if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
      await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(target), { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw refuse(
        "truss.external-data",
        { name, url: maskedText(item.url), reason: maskedText(messageOf(error)) },
        error,
      );
    }
  }
}
