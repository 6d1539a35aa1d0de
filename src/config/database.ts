import * as z from "zod";
import { sslModes } from "../domain/platformDatabase.ts";
import { choice, mapping, text, wholeNumber } from "./fields.ts";
import { wrong } from "./schemaClause.ts";

const host = /^[^\s/@?#]+$/;

/** Command that sets the password of `menagerie:database`. */
export const setPasswordCommand = "pulumi config set --secret menagerie:databasePassword";

export const database = mapping(
  {
    host: text(
      host,
      "give a host name or address, such as db.example.com",
      "Host of the PostgreSQL server, as the cluster's pods reach it; and the program, unless MENAGERIE_DATABASE_URL is set.",
    ),
    port: wholeNumber(1, 65_535, "Port of the server. Default: 5432.").default(5432),
    adminUser: text(
      /^[^\0]{1,63}$/,
      "give the user's name, such as postgres",
      "User that may make databases and roles. Its password is the secret menagerie:databasePassword. Default: postgres.",
    ).default("postgres"),
    sslMode: choice(
      sslModes,
      "TLS to the server: disable, require (encrypted, certificate not checked), verify-full. Default: verify-full.",
    ).default("verify-full"),
  },
  "write {host: db.example.com}",
  "PostgreSQL server of the platform's tables. Default: that of the local environment (MENAGERIE_DATABASE_ADDRESS); elsewhere none, and the stack has no model versions, apps or API service.",
).optional();

/** Sentences about it never show the value. */
export const databasePassword = z
  .string({ error: wrong("is not text", `set it with \`${setPasswordCommand}\``) })
  .min(1, { error: wrong("is empty", `set it with \`${setPasswordCommand}\``) })
  .meta({
    description:
      "Password of menagerie:database.adminUser, encrypted by `pulumi config set --secret`. Default: that of MENAGERIE_DATABASE_URL.",
    type: ["string", "object"],
  })
  .optional();

export const previewDatabase = choice(
  ["required", "optional"],
  "Whether a preview fails when the database cannot be reached (required) or prints `not checked` (optional). Default: required.",
).default("required");
