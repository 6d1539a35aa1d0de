/**
 * One read-only part of a directory image that is shared between images, such as a Python environment: the host
 * folder `source` appears at `target`. Containers see it copy-on-write.
 */
export interface ImageLayer {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
}

/** A layer to put into an image, with what its content depends on. */
export interface KeyedLayer extends ImageLayer {
  /** Stable name of the content, such as the hash of its pins. Enters the digest instead of `source`, which differs per machine. */
  readonly key: string;
}

/** What a container of the image runs; the counterpart of an OCI image config's `config`. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

/** What `image.json` of a directory image says; the counterpart of an OCI image config. */
export interface DirectoryImage {
  readonly formatVersion: 1;
  /** `sha256:<64 hex>` over the files of `rootfs`, the layers' keys and the config: equal content, equal digest. */
  readonly digest: string;
  /** Repository part of the reference, such as `menagerie.local/truss/iris`. */
  readonly url: string;
  readonly layers: readonly ImageLayer[];
  readonly config: ImageConfig;
  /** It was pulled from a registry and has a system of its own: its containers see no programs of the machine. @default false */
  readonly ownSystem?: boolean;
}
