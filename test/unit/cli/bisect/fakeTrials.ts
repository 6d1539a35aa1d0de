import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunnableModel } from "../../../../src/domain/trial/combination.ts";
import { ModelsNotStarted } from "../../../../src/domain/trial/notStarted.ts";
import type { BringUp } from "../../../../src/domain/trial/trial.ts";

/** What a model answers: status and body; null where its process ends instead. */
export type Answering = (
  model: RunnableModel,
  request: { readonly url: string; readonly body: string },
) => { readonly status?: number; readonly body: string } | null | "does not start";

/** Trials whose models are servers of this process. `standing` counts those that were not removed. */
export function fakeTrials(answering: Answering) {
  const raised: string[] = [];
  const state = { standing: 0 };
  const bringUp: BringUp = async (combination) => {
    raised.push(combination.name);
    const [first] = combination.models;
    if (first && answering(first, { url: "", body: "" }) === "does not start") {
      throw new ModelsNotStarted([{ model: first.name, reason: "its container ended with exit code 1", log: "" }]);
    }
    state.standing += 1;
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const models = await Promise.all(
      combination.models.map(async (model) => {
        const socketPath = join(tmpdir(), `bisect-${randomUUID().slice(0, 8)}.sock`);
        const server = createServer((request, response) => {
          const pieces: Buffer[] = [];
          request.on("data", (piece: Buffer) => pieces.push(piece));
          request.on("end", () => {
            const answer = answering(model, { url: request.url ?? "", body: Buffer.concat(pieces).toString() });
            if (answer === null || answer === "does not start") return response.destroy();
            response.writeHead(answer.status ?? 200, { "content-type": "application/json" }).end(answer.body);
          });
        });
        await new Promise<void>((resolve) => server.listen(socketPath, resolve));
        return { server, tried: { name: model.name, image: "", startedInMs: 1, socketPath } };
      }),
    );
    return {
      models: models.map(({ tried }) => tried),
      // Predictions are asked at the socket; this is the probe of one whose process has ended.
      ask: async () => ({
        status: null,
        headers: {},
        body: Buffer.alloc(0),
        failure: "predictor_unavailable" as const,
        error: null,
        durationMs: null,
        firstByteMs: null,
        firstTokenMs: null,
      }),
      ended: () => ended,
      logs: async () => "",
      restarts: async () => 0,
      async dispose() {
        state.standing -= 1;
        end();
        for (const { server } of models) {
          server.closeAllConnections();
          await new Promise((resolve) => server.close(resolve));
        }
      },
    };
  };
  return { bringUp, raised, state };
}
