import { mapping, text } from "./fields.ts";

export const uploads = mapping(
  {
    endpoint: text(
      /^https?:\/\/[^\s/?#]+$/,
      "give the address of the S3 service, such as https://s3.eu-central-1.amazonaws.com, without a bucket or path",
      "Address of a store that speaks S3, as the API service's pods reach it, without the bucket.",
    ),
    bucket: text(
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      "give the bucket's name, such as menagerie-uploads",
      "Bucket that uploads are kept in until they are built; it must exist. Uploads that nobody deployed are removed after a day.",
    ),
    region: text(
      /^[a-z0-9-]+$/,
      "give the bucket's region, such as eu-central-1",
      "Region that requests are signed for. Default: us-east-1, which stores without regions take.",
    ).default("us-east-1"),
    prefix: text(
      /^([A-Za-z0-9][A-Za-z0-9._-]*\/)+$/,
      "give a folder that ends in /, such as menagerie/",
      "What the keys of uploads begin with, ending in /. Default: none.",
    ).optional(),
    credentials: text(
      /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/,
      "give the name of a Secret in the services' namespace",
      "Secret in the services' namespace with the keys accessKeyId and secretAccessKey, which may read, write, list and delete in the bucket. Make it before `up`; it is never read by the stack.",
    ),
  },
  "write {endpoint: https://…, bucket: <name>, credentials: <Secret>}",
  "Where what clients push is kept until it is built, so that any pod of the API service, and the pods that build, find it. Default: a folder in the API service's pod, lost with it.",
).optional();
