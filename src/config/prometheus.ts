import * as z from "zod";
import { mapping, text } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

/** Command that sets the token of Prometheus. */
export const setPrometheusTokenCommand = "pulumi config set --secret --path menagerie:prometheus.bearerToken";

/** Sentences about it never show the value. */
const bearerToken = z
  .string({ error: wrong("is not text", `set it with \`${setPrometheusTokenCommand}\``) })
  .regex(/^[\x21-\x7e]+$/, { error: wrong("is not a valid token", `set it with \`${setPrometheusTokenCommand}\``) })
  .meta({
    description:
      "Token that Prometheus is asked with, encrypted by `pulumi config set --secret --path`. Default: it is asked without one.",
    type: ["string", "object"],
  })
  .optional();

/** A Prometheus that is asked for the gateway's counters. */
export const prometheus = mapping(
  {
    url: text(
      /^https?:\/\/[^\s?#@]+[^\s?#@/]$/,
      "give its address, such as http://prometheus.monitoring.svc:9090, without a slash at the end",
      "Address of Prometheus' HTTP API, as the API service's pods reach it.",
    ),
    bearerToken,
  },
  "write {url: http://prometheus.monitoring.svc:9090}",
  "A Prometheus that scrapes the gateway's pods: requests at the gateway are counted by what it has, in place of the pods' own statistics. For targets of concurrency and rps in Standard mode it has to scrape the API service's pods as well. Default: the API service reads the pods, at port 15090.",
).optional();
