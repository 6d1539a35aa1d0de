/** A bucket of a store that speaks S3. */
export interface UploadBucket {
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** What keys begin with, ending in `/`. @default nothing */
  readonly prefix?: string | undefined;
  /** Secret of the service's namespace with the keys `accessKeyId` and `secretAccessKey`. */
  readonly credentials: string;
}

/** What builds what clients push. */
export type PushBuilds =
  | {
      /** Address of a build service, without a path; its token is `buildToken` of the API service's Secret. */
      readonly url: string;
    }
  | { readonly pipeline: PushPipeline };

/** A stack's build Pipeline, as its PipelineRuns are started. */
export interface PushPipeline {
  readonly namespace: string;
  /** @default directory images */
  readonly repository?: string | undefined;
  /** Secret of the namespace to push with. @default none */
  readonly credentials?: string | undefined;
  readonly timeoutMinutes: number;
  readonly keep: number;
}

/** What the API service takes pushes with. */
export interface Pushes {
  /**
   * What builds what clients push.
   * @default clients cannot push
   */
  readonly builds?: PushBuilds | undefined;
  /**
   * Where clients' uploads are kept until they are built.
   * @default in the pod: one that is replaced meanwhile takes them along, and the push is to be made again
   */
  readonly uploads?: UploadBucket | undefined;
}

const uploadsFolder = "/uploads";
/** Where build contexts are made. */
export const buildsFolder = "/builds";

/** The service's variables about pushes. `secret` is a variable from a key of its Secret. */
export function pushEnvironment<Secret>(api: Pushes, secret: (name: string, key: string) => Secret) {
  return [
    ...(api.builds ? buildEnvironment(api.builds, secret) : []),
    ...(keepsUploads(api) ? [{ name: "MENAGERIE_UPLOADS", value: uploadsFolder }] : []),
    ...(api.uploads ? bucketEnvironment(api.uploads) : []),
  ];
}

/** Whether the pod itself keeps uploads. */
function keepsUploads({ builds, uploads }: Pushes): boolean {
  return builds !== undefined && uploads === undefined;
}

/** Folders that the service writes to: uploads, and contexts of images that are pushed to a registry. */
export function volumesOf(api: Pushes) {
  const names = Object.keys(foldersOf(api));
  return names.length > 0 ? { volumes: names.map((name) => ({ name, emptyDir: {} })) } : {};
}

export function mountsOf(api: Pushes) {
  const folders = Object.entries(foldersOf(api));
  return folders.length > 0 ? { volumeMounts: folders.map(([name, mountPath]) => ({ name, mountPath })) } : {};
}

function foldersOf(api: Pushes): Readonly<Record<string, string>> {
  return {
    ...(keepsUploads(api) ? { uploads: uploadsFolder } : {}),
    ...(makesContexts(api) ? { builds: buildsFolder } : {}),
  };
}

/** The truss library makes the contexts of images that are pushed to a registry, beside the service. */
export function makesContexts({ builds }: Pushes): boolean {
  return builds !== undefined && "pipeline" in builds && builds.pipeline.repository !== undefined;
}

function buildEnvironment<Secret>(builds: PushBuilds, secret: (name: string, key: string) => Secret) {
  if ("pipeline" in builds) return [{ name: "MENAGERIE_BUILD_PIPELINE", value: JSON.stringify(builds.pipeline) }];
  return [{ name: "MENAGERIE_BUILD_URL", value: builds.url }, secret("MENAGERIE_BUILD_TOKEN", "buildToken")];
}

function bucketEnvironment({ endpoint, bucket, region, prefix, credentials }: UploadBucket) {
  const secret = (name: string, key: string) => ({ name, valueFrom: { secretKeyRef: { name: credentials, key } } });
  return [
    { name: "MENAGERIE_UPLOADS_ENDPOINT", value: endpoint },
    { name: "MENAGERIE_UPLOADS_BUCKET", value: bucket },
    { name: "MENAGERIE_UPLOADS_REGION", value: region },
    ...(prefix === undefined ? [] : [{ name: "MENAGERIE_UPLOADS_PREFIX", value: prefix }]),
    secret("MENAGERIE_UPLOADS_ACCESS_KEY_ID", "accessKeyId"),
    secret("MENAGERIE_UPLOADS_SECRET_ACCESS_KEY", "secretAccessKey"),
  ];
}
