import type { TrussImage } from "./builder.ts";

/** A truss that a client uploaded, to build the image of a development version from. */
export interface ArchiveBuildRequest {
  /** The archive, as it was uploaded. */
  readonly archive: Uint8Array;
  /** Content hash of the truss in it. */
  readonly hash: string;
  /** Last part of the image's url. */
  readonly name: string;
}

/**
 * Port to whatever builds the images of what clients push, always with a control server: in the local environment its build
 * service on the host. Building the same hash again gives the same digest and costs nothing.
 */
export interface ArchiveBuilder {
  /** @throws OperatorError of exit code 2 for a truss that cannot be built, with why; any other failure may pass. */
  build(request: ArchiveBuildRequest, signal: AbortSignal): Promise<TrussImage>;
}
