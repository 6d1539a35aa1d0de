import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { containerPort } from "../../domain/serving/servedModel.ts";
import type { RunnableCombination } from "../../domain/trial/combination.ts";
import { trialPod, trialSecret } from "../../domain/trial/pod.ts";
import type { BringUp, BringUpOptions } from "../../domain/trial/trial.ts";
import { trialVariables } from "../../domain/trial/variables.ts";
import { menagerieCache } from "../layout.ts";
import { addresses, ports } from "../network/addresses.ts";
import { startEgressProxy } from "../network/egressProxy.ts";
import { packageIndexes, packageSettings } from "../packageSettings.ts";
import { ensureBinaries } from "../toolchain/goTools.ts";
import { tools } from "../toolchain/tools.ts";
import { predictPath } from "./ask.ts";
import type { SpecifiedState } from "./database.ts";
import { placeImages, type TrialImages } from "./images.ts";
import { egressSocket, socketOf, type TrialPlace, trialPlace } from "./place.ts";
import { sweepTrials, TrialProcess } from "./process.ts";
import { refuse } from "./refusals.ts";
import { requireSecrets } from "./requireSecrets.ts";
import { RunningTrial } from "./runningTrial.ts";
import type { TrialSpec } from "./spec.ts";

/** Where trials of this machine are, and what they take their images from. */
export interface TrialHost {
  /** The folder that holds environments, and trials beside them: `menagerieHome()`. */
  readonly home: string;
  /** Image stores that are only read, such as an environment's. @default none */
  readonly stores?: readonly string[] | undefined;
  /** Folder of tools and Python environments. @default the user's own */
  readonly cache?: string | undefined;
  /** What a sentence about a missing secret says to do. */
  readonly secretFix?: string | undefined;
  /** Whether what is built here installs wheels alone, so that no code of its packages runs outside of the trial. @default false */
  readonly wheelsOnly?: boolean | undefined;
}

/** As in a cluster: weights of tens of gigabytes are read in it. */
const longestStartSeconds = 1800;
const podAddress = (index: number): string => `10.88.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;

/** Trials on this machine: the models' containers as a node runs them, in namespaces of their own, and nothing of a control plane. */
export function bringUpHere(host: TrialHost): BringUp {
  return async (combination, options) => {
    const { models, name } = combination;
    if (models.length === 0) throw refuse("trial.no-model", { name });
    requireSecrets(models, options.secrets, host.secretFix ?? "");
    options.signal.throwIfAborted();
    await sweepTrials(host.home);
    const cache = host.cache ?? menagerieCache();
    const shim = await containerShim(cache, options);
    const place = trialPlace(host.home);
    const processes = await TrialProcess.start(host.home, place, shim);
    const closing: (() => Promise<void>)[] = [];
    const dispose = async (): Promise<void> => {
      await processes.end();
      for (const close of closing) await close();
    };
    try {
      const { stores = [], wheelsOnly } = host;
      const trialImages: TrialImages = { stores, own: join(cache, "trial-images"), cache, wheelsOnly };
      const images = await placeImages(models, place.images, trialImages, options);
      if (options.egress) {
        const open = async () => packageIndexes(await packageSettings());
        const proxy = await startEgressProxy({ socketPath: egressSocket(place), open });
        closing.push(() => proxy.close());
      }
      const trial = new RunningTrial(processes, combination, images, dispose);
      const state = await specifiedState(combination, place, options);
      processes.run(specOf(combination, { images, shim, state }, options));
      await trial.ready(options);
      return trial;
    } catch (error) {
      await dispose();
      options.signal.throwIfAborted();
      throw error;
    }
  };
}

interface Prepared {
  /** Reference of each model's image. */
  readonly images: readonly string[];
  readonly shim: string;
  readonly state: SpecifiedState | null;
}

function specOf(
  combination: RunnableCombination,
  { images, shim, state }: Prepared,
  options: BringUpOptions,
): TrialSpec {
  const { egress = false, startWithinSeconds = longestStartSeconds, secrets, deadline } = options;
  const { models } = combination;
  const secret = trialSecret(models, secrets);
  const variables = trialVariables(combination, {
    database: { host: addresses.host, port: ports.postgres, sslMode: "disable" },
    apiUrl: `http://${addresses.host}`,
    modelUrls: models.map((_, index) => `http://${podAddress(index)}:${containerPort}${predictPath}`),
    password: state?.servicePassword ?? "",
  });
  return {
    shim,
    egress,
    state,
    deadline: deadline.getTime(),
    objects: { ...variables.objects, [secret.path]: secret.object },
    pods: models.map((model, index) => ({
      address: podAddress(index),
      socket: socketOf(index),
      pod: trialPod(model, {
        image: images[index] ?? "",
        index,
        variables: variables.sourceOf(model),
        egress,
        startWithinSeconds,
      }),
    })),
  };
}

/** The state that models work in; its rows are copied here, where that is allowed, before anything of it is made. */
async function specifiedState(
  { state, models }: RunnableCombination,
  place: TrialPlace,
  { state: wanted, signal }: BringUpOptions,
): Promise<SpecifiedState | null> {
  if (!state || !models.some((model) => model.state)) return null;
  const dump = wanted === "empty" ? null : await wanted.copy(join(place.folder, "state"), signal);
  return { ...state, dump, superuserPassword: password(), servicePassword: password() };
}

function password(): string {
  return randomBytes(24).toString("base64url");
}

async function containerShim(cache: string, { progress, signal }: BringUpOptions): Promise<string> {
  const selected = tools.filter(({ name }) => name === "container-shim");
  const { binaries } = await ensureBinaries(selected, { cache, progress, signal, manifests: false });
  const shim = binaries["container-shim"];
  if (!shim) throw new Error("tools.ts does not build the container shim");
  return shim;
}
