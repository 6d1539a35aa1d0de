import type { LoginSource } from "../../adapters/images/registryLogins.ts";
import { messageOf } from "../../domain/errors.ts";
import { registryReference } from "../../domain/images/imageManifest.ts";
import { restartDelay } from "./backOff.ts";

/** An image that is on its way. */
export class ImagePulling extends Error {
  override readonly name = "ImagePulling";
}

/** An image that could not be pulled, and when that is tried again. */
export class ImagePullFailed extends Error {
  override readonly name = "ImagePullFailed";
  /** Kubelet's words for it. */
  readonly reason: "ErrImagePull" | "ImagePullBackOff";
  /** Milliseconds since the epoch. */
  readonly retryAt: number;

  constructor(message: string, reason: ImagePullFailed["reason"], retryAt: number) {
    super(message);
    this.reason = reason;
    this.retryAt = retryAt;
  }
}

type Pull = (
  reference: string,
  sources: readonly LoginSource[],
  onProgress: (done: number, total: number) => void,
) => Promise<unknown>;

interface Attempt {
  /** In a row, the one that runs left out. */
  readonly failures: number;
  /** Undefined while it runs. */
  failed?: { readonly message: string; readonly retryAt: number };
  /** In bytes, as they are sent. */
  done: number;
  total: number;
}

/** Milliseconds until an image that is on its way is looked for again. */
export const lookAgainAfter = 500;

/** Pulls of all nodes of an environment, which share a store: one after the other, as kubelet's are by default, with kubelet's back-off for each image. */
export class ImagePuller {
  readonly #pull: Pull;
  readonly #attempts = new Map<string, Attempt>();
  #last: Promise<void> = Promise.resolve();

  constructor(pull: Pull) {
    this.#pull = pull;
  }

  /**
   * Sees to it that an image comes into the store. Never waits: as long as it has not come, it throws {@link ImagePulling} or
   * {@link ImagePullFailed}. Returns where the reference names no registry.
   */
  want(reference: string, sources: readonly LoginSource[], now = Date.now()): void {
    const named = registryReference(reference);
    if (!named || named.host === localStoreHost) return;
    const attempt = this.#attempts.get(reference);
    if (attempt?.failed && now < attempt.failed.retryAt) throw failure(reference, attempt.failed, attempt.failures);
    if (!attempt || attempt.failed) this.#begin(reference, sources, attempt ? attempt.failures + 1 : 0);
    const { done, total } = this.#attempts.get(reference) ?? { done: 0, total: 0 };
    throw new ImagePulling(
      `pulling image "${reference}"${total === 0 ? "" : `: ${mebibytes(done)} of ${mebibytes(total)} MiB`}`,
    );
  }

  #begin(reference: string, sources: readonly LoginSource[], failures: number): void {
    const attempt: Attempt = { failures, done: 0, total: 0 };
    this.#attempts.set(reference, attempt);
    const tell = (done: number, total: number): void => void Object.assign(attempt, { done, total });
    // Images that begin alike find the layers that the one before has unpacked.
    this.#last = this.#last
      .then(() => this.#pull(reference, sources, tell))
      .then(
        () => void this.#attempts.delete(reference),
        (error: unknown) => {
          attempt.failed = { message: messageOf(error), retryAt: Date.now() + restartDelay(failures + 1) };
        },
      );
  }
}

/** Images of the environment's own builds are laid out by whoever builds them. */
export const localStoreHost = "menagerie.local";

function failure(
  reference: string,
  { message, retryAt }: NonNullable<Attempt["failed"]>,
  failures: number,
): ImagePullFailed {
  const said = `failed to pull image "${reference}": ${message}`;
  return failures === 0
    ? new ImagePullFailed(said, "ErrImagePull", retryAt)
    : new ImagePullFailed(`Back-off pulling image "${reference}": ${said}`, "ImagePullBackOff", retryAt);
}

/** As progress shows them: rounded up. */
export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
