/** What a patch does to its item. */
export type PatchAction = "ADD" | "UPDATE" | "REMOVE";

/** A file to write or remove, below the model module folder or the bundled packages folder. */
export interface FileBody {
  readonly action: PatchAction;
  readonly path: string;
  /** Text to write; null for REMOVE and where `content_bytes` carries the content. */
  readonly content: string | null;
  /** Base64 of content that is not UTF-8. */
  readonly content_bytes?: string;
}

/** One item of `external_data`, with whatever else its config says of it. */
export interface ExternalDataItem {
  readonly url: string;
  readonly local_data_path: string;
  readonly backend: string;
  readonly name?: string;
}

/** One patch operation as the control server of truss 0.18.35 takes it (`helpers/custom_types.py`). */
export type PatchOperation =
  | { readonly type: "model_code"; readonly body: FileBody & { readonly hot_reload?: true } }
  | { readonly type: "package"; readonly body: FileBody }
  | {
      readonly type: "config";
      readonly body: {
        readonly action: "UPDATE";
        readonly config: Record<string, unknown>;
        readonly path: "config.yaml";
      };
    }
  | {
      readonly type: "python_requirement";
      readonly body: { readonly action: PatchAction; readonly requirement: string };
    }
  | {
      readonly type: "environment_variable";
      readonly body: { readonly action: PatchAction; readonly item: Readonly<Record<string, string>> };
    }
  | {
      readonly type: "external_data";
      readonly body: { readonly action: PatchAction; readonly item: ExternalDataItem };
    };

/** How a running truss becomes another: by patches, or by a full deployment, for the reasons given. */
export type PatchPlan =
  | { readonly nextHash: string; readonly patches: readonly PatchOperation[] }
  | { readonly nextHash: string; readonly fullDeployment: readonly string[] };
