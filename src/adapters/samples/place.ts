/** Where a sample is kept: a file, or an object in a bucket. */
export interface SamplePlace {
  /** As sentences name it: a path, or `s3://bucket/key`. */
  readonly name: string;
  /** The last part of {@link name}. */
  readonly baseName: string;
  isThere(): Promise<boolean>;
  /** @throws OperatorError where it cannot be read. */
  read(): AsyncGenerator<Uint8Array>;
  /**
   * Puts a whole sample there: nobody ever sees half of it.
   *
   * @param options.isForced - what is there is replaced
   * @throws OperatorError where something is there and may not be replaced, or it cannot be written.
   */
  write(content: Uint8Array, options: { readonly isForced: boolean; readonly signal: AbortSignal }): Promise<void>;
  /** Deletes it with every former version that the place keeps. */
  remove(): Promise<void>;
  /** Deletes the versions that the place keeps beside the current one. */
  removeFormer(): Promise<void>;
}
