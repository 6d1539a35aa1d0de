import { connect, createServer, type NetConnectOpts, type Server } from "node:net";
import type { KubernetesObject, V1Pod, V1PodStatus } from "@kubernetes/client-node";
import { listenOnSocket } from "../network/relay.ts";
import type { SpecifiedState } from "./database.ts";
import type { TrialPlace } from "./place.ts";

/** What the inner process of a trial is to run. It holds secrets. */
export interface TrialSpec {
  /** Path of the container-shim binary. */
  readonly shim: string;
  readonly pods: readonly SpecifiedPod[];
  /** ConfigMaps and Secrets that the pods refer to, by their path in the API. */
  readonly objects: Readonly<Record<string, KubernetesObject>>;
  /** Made before the pods are; null where none of them works in one. */
  readonly state: SpecifiedState | null;
  /** Whether the egress proxy's socket is there. */
  readonly egress: boolean;
  /** Milliseconds since the epoch: everything ends then. */
  readonly deadline: number;
}

export interface SpecifiedPod {
  /** In the trial's network. */
  readonly address: string;
  /** Name of its socket in the trial's folder of sockets. */
  readonly socket: string;
  readonly pod: V1Pod;
}

/** What the inner process says on standard output, a line of JSON each. */
export type TrialEvent =
  | {
      readonly kind: "pod";
      /** The model's place in the combination. */
      readonly index: number;
      readonly status: V1PodStatus;
      /** From the start of the run that became ready until it was, in milliseconds; null while none is. */
      readonly readyAfterMs: number | null;
    }
  /** How far its state is. */
  | { readonly kind: "state"; readonly detail: string; readonly isDone: boolean }
  /** It ends for this reason: its deadline, or a failure of its own. */
  | { readonly kind: "ends"; readonly reason: string };

/** Asks for the spec, and waits for it. Nothing of it is ever on a disk. Throws where the owner ends before it has one. */
export async function takeSpec(
  { specSocket }: Pick<TrialPlace, "specSocket">,
  signal: AbortSignal,
): Promise<TrialSpec> {
  const connection = connect({ path: specSocket, signal } as NetConnectOpts);
  let text = "";
  for await (const piece of connection.setEncoding("utf8")) text += piece;
  if (text === "") throw new Error("its owner has ended");
  return JSON.parse(text) as TrialSpec;
}

/** Answers the inner process, which asks once, as soon as there is a spec. */
export class SpecServer {
  readonly #server: Server;
  readonly #spec = Promise.withResolvers<TrialSpec>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", async (connection) => {
      connection.on("error", () => {});
      connection.end(JSON.stringify(await this.#spec.promise));
    });
  }

  static async listen({ specSocket }: Pick<TrialPlace, "specSocket">): Promise<SpecServer> {
    const server = createServer();
    await listenOnSocket(server, specSocket);
    return new SpecServer(server);
  }

  give(spec: TrialSpec): void {
    this.#spec.resolve(spec);
  }

  close(): void {
    this.#server.close();
  }
}
