/** A truss to build an image from. */
export interface TrussBuildRequest {
  /** Absolute path of the truss folder. */
  readonly folder: string;
  /** Content hash of that folder, as `hashSnapshot` gives it; refused when the folder no longer has it. */
  readonly hash: string;
  /** Name of the model: the last part of the image's url. */
  readonly name: string;
  /**
   * Give the image a control server, whatever the truss's config says.
   * @default as its config says
   */
  readonly control?: boolean;
}

/** A built image: `<url>@<digest>` is what a container names. */
export interface TrussImage {
  /** Repository part, such as `menagerie.local/truss/iris`. */
  readonly url: string;
  /** `sha256:<64 hex>`. */
  readonly digest: string;
}

/**
 * Port to whatever makes an image of a truss: locally a directory image, in clusters a PipelineRun. Building the same
 * hash again gives the same digest and costs nothing.
 */
export interface TrussBuilder {
  build(request: TrussBuildRequest): Promise<TrussImage>;
}
