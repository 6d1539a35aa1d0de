import { headOf, type PatchChain } from "./chain.ts";
import type { PatchOperation } from "./operation.ts";
import type { ControlServer } from "./ports.ts";
import { plainHash } from "./position.ts";
import type { SyncContext } from "./turn.ts";
import { withoutHalf } from "./withheld.ts";

/** A container that only another pod helps: it waits for a process of the model that does not end. */
export class Stuck extends Error {
  override readonly name = "Stuck";
}

type PatchRequest = Parameters<ControlServer["patch"]>[0];

/** Between two looks whether a request is waited for any longer, in milliseconds. */
const lookMs = 250;

/**
 * The control server, with requests that are given up where what they wait for does not come to an end. By itself the control server
 * (truss 0.18.35) waits for an hour until a process has ended: for predictions under way, for a `load` that does not return, for a
 * `while True` at a module's top; and every later request waits with it, for its lock. What is installed or downloaded takes the time
 * that it takes, unless a later save has taken the requirement back: an index may never answer.
 *
 * @throws Stuck from each method but `runningHash` and `probe`, which need no lock.
 */
export function patient(control: ControlServer, context: () => SyncContext): ControlServer {
  const waited = <T>(asked: Promise<T>, request?: PatchRequest) => unlessStuck(context(), control, asked, request);
  return {
    instance: control.instance,
    startedAt: control.startedAt,
    runningHash: () => control.runningHash(),
    probe: () => control.probe(),
    isPartiallyApplied: () => waited(control.isPartiallyApplied()),
    restartInference: () => waited(control.restartInference()),
    stopInference: () => waited(control.stopInference()),
    patch: (request) => waited(control.patch(request), request),
  };
}

async function unlessStuck<T>(
  context: SyncContext,
  control: ControlServer,
  asked: Promise<T>,
  request: PatchRequest | undefined,
): Promise<T> {
  const { clock, times } = context;
  const answer = asked.then((value) => ({ value }));
  const begun = clock.now();
  const isHot = request !== undefined && isReload(request.patches);
  for (;;) {
    const first = await Promise.race([answer, clock.sleep(lookMs).then(() => undefined)]);
    if (first) return first.value;
    const waited = clock.now() - begun;
    if (waited < times.stuckMs) continue;
    const isNeedless = context.isInstalling && request !== undefined && (await isTakenBack(context, request));
    if (context.isInstalling && !isNeedless) continue;
    // Nobody waits for a model that does not answer, and no save for a reload that a later one makes needless.
    const isHurried = isNeedless || context.isDown || (isHot && (await isOvertaken(context, request.hash)));
    if (!isHurried && waited < times.drainMs) continue;
    if (request && !(await isUnderWay(control, request, isHot))) continue;
    const what = isHot
      ? "the reload of the code"
      : isNeedless
        ? "an installation that was taken back"
        : "the model's process";
    throw new Stuck(`${what} does not end within ${Math.round(waited / 1000)} s`);
  }
}

function isReload(patches: readonly PatchOperation[]): boolean {
  return patches.length > 0 && patches.every(({ type, body }) => type === "model_code" && body.hot_reload === true);
}

/** Whether a request has not come to its end: where its reply was lost on the way, nothing is stuck. */
async function isUnderWay(control: ControlServer, request: PatchRequest, isHot: boolean): Promise<boolean> {
  const running = await control.runningHash();
  if (!running.ok || running.value === null) return false;
  return isHot ? running.value === request.hash : withoutHalf(running.value) === withoutHalf(request.prevHash);
}

/** Whether a request installs what the head of the chain does not require any more. */
async function isTakenBack({ store, versionId }: SyncContext, { patches }: PatchRequest): Promise<boolean> {
  const required = (await store.read(versionId))?.chain.patches.at(-1)?.requirements;
  return patches.some(
    ({ type, body }) =>
      type === "python_requirement" && body.action !== "REMOVE" && required?.includes(body.requirement) === false,
  );
}

async function isOvertaken({ store, versionId }: SyncContext, hash: string): Promise<boolean> {
  const state = await store.read(versionId);
  return state !== undefined && headOf(state.chain).hash !== plainHash(hash);
}

/** Whether the patches between two positions install or download something. */
export function installs(chain: PatchChain, from: number, to: number): boolean {
  return chain.patches
    .slice(from, to)
    .some(({ ops }) => ops.some(({ type }) => type === "python_requirement" || type === "external_data"));
}
