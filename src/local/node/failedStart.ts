import { ImageMissing } from "../../adapters/images/imageStore.ts";
import { messageOf } from "../../domain/errors.ts";
import { restartDelay } from "./backOff.ts";
import { ContainerConfigError } from "./containerEnvironment.ts";
import { ImagePullFailed, ImagePulling, lookAgainAfter } from "./imagePuller.ts";
import type { Waiting } from "./podStatus.ts";
import { VolumeNotReady } from "./volumeFiles.ts";

/** A container that could not be started, and when to try again. */
export interface FailedStart {
  readonly waiting: Waiting;
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly retryAt: number;
}

/** The reference cannot be resolved at all; kubelet's waiting reason `InvalidImageName`. */
export class ImageUnusable extends Error {}

/** What a failed start means for the container's status, in kubelet's words. */
export function failedStart(error: unknown, failuresBefore: number): FailedStart {
  const message = messageOf(error);
  if (error instanceof ImagePulling) {
    const waiting = { reason: "ContainerCreating", message };
    return { waiting, failures: failuresBefore, retryAt: Date.now() + lookAgainAfter };
  }
  if (error instanceof ImagePullFailed) {
    return { waiting: { reason: error.reason, message }, failures: failuresBefore + 1, retryAt: error.retryAt };
  }
  const failures = failuresBefore + 1;
  const pull = error instanceof ImageMissing;
  const reason = pull
    ? failures === 1
      ? "ErrImagePull"
      : "ImagePullBackOff"
    : error instanceof ImageUnusable
      ? "InvalidImageName"
      : error instanceof ContainerConfigError
        ? "CreateContainerConfigError"
        : error instanceof VolumeNotReady
          ? "ContainerCreating"
          : "CreateContainerError";
  // An image that a build is just about to put there, or a ConfigMap, comes soon or not at all: begin with a second.
  const delay = failures <= 3 ? 1_000 : restartDelay(failures - 3);
  return { waiting: { reason, message }, failures, retryAt: Date.now() + (pull ? delay : Math.min(delay, 10_000)) };
}
